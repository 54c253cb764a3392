// A person looks after the own account in a browser: every page of it is looked at, judged and used.
import { readFileSync } from 'node:fs';

import { authenticator, expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ base, username, secret, codes, axe, screenshots }) => {
  const person = await launch({ screenshots });
  const { page } = person;
  await authenticator(page);
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const at = (path) => new URL(path, base).href;
  const look = async (name) => {
    wrong.push(...(await judge(page, { name, axe: judgement })));
    await person.shot(name);
  };
  const visit = async (path, name) => {
    await page.goto(at(path));
    expect(page.url() === at(path), `${path}, but it is ${page.url()}`);
    await look(name);
  };

  // Whoever is not signed in does that first, and comes back to where it was to go.
  await page.goto(at('/me'));
  await look('identify');
  await page.fill('#username', username);
  await page.click('form[action$="/identify"] button');
  await page.waitForSelector('#password');
  await look('password');
  await page.fill('#password', secret);
  await page.click('form[action$="/password"] button.primary');
  await page.waitForLoadState();
  if (!(await page.locator('#recovery_code').count())) {
    await look('totp');
    await page.click('form[action$="/choose"] button');
    await page.waitForSelector('.choices');
    await look('choose');
    await page.click('form:has(input[value=recovery_code]) button');
  }
  await page.waitForSelector('#recovery_code');
  await look('recovery-code');
  await page.fill('#recovery_code', codes[0]);
  await page.click('form[action$="/recovery_code"] button.primary');
  await page.waitForURL((url) => url.pathname === '/me');
  await look('account');

  await visit('/me/history', 'history');
  await visit('/me/requests', 'requests');
  await visit('/me/factors/add', 'add');
  await visit('/me/factors/add?factor=totp', 'add-totp');
  await visit('/me/factors/add?factor=recovery_code', 'add-codes');
  await visit('/me/factors/add?factor=password', 'add-password');
  await visit('/me/biometrics/erase', 'erase');

  // A passkey of this device, and away again.
  await visit('/me/factors/add?factor=passkey', 'add-passkey');
  await page.fill('#label', 'The laptop');
  await page.click('[data-start]');
  await page.waitForURL((url) => url.search === '?said=added');
  await look('added');
  expect(await page.locator('.rows .label', { hasText: 'The laptop' }).count(), 'the passkey in the list');
  await page.locator('li', { hasText: 'The laptop' }).locator('a').click();
  await page.waitForURL((url) => url.pathname.endsWith('/remove'));
  await look('remove');
  await page.click('button.danger');
  await page.waitForURL((url) => url.search === '?said=removed');
  expect(!(await page.locator('.rows .label', { hasText: 'The laptop' }).count()), 'no passkey in the list');

  // One file, as often as it is asked for.
  await visit('/me/data', 'data');
  for (let times = 0; times < 2; times += 1) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('button.primary')]);
    const file = JSON.parse(readFileSync(await download.path(), 'utf8'));
    expect(file.account.username === username, 'the own data');
    expect(download.suggestedFilename() === 'my-data.json', download.suggestedFilename());
  }
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { wrong };
});
