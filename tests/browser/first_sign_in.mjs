// Somebody without an account comes to an application, makes one, sets up what to sign in with, and is at the application.
import { readFileSync } from 'node:fs';

import { authenticator, expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ create, username, secret, axe, screenshots }) => {
  const person = await launch({ screenshots });
  const { page, context } = person;
  const passkeys = await authenticator(page);
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const look = async (name) => {
    wrong.push(...(await judge(page, { name, axe: judgement })));
    await person.shot(name);
  };
  await context.route('http://localhost:1/**', (route) => route.fulfill({ contentType: 'text/html', body: '<p>Arrived</p>' }));
  const overview = () => page.waitForURL((url) => url.pathname === '/enrol');

  await page.goto(create);
  await look('name');
  await page.fill('#username', username);
  await page.click('form[action$="/register"] button.primary');
  await overview();
  await look('to-do');
  await page.click('a[href="/enrol/password"]');
  await page.fill('[name=password]', secret);
  await page.fill('[name=password_again]', secret);
  await page.click('form[action="/enrol/password"] button.primary');
  await overview();
  await page.click('a[href="/enrol/passkey"]');
  await page.click('[data-passkey] [data-start]');
  await overview();
  await page.click('a[href="/enrol/recovery_code"]');
  const codes = await page.locator('#codes code').allInnerTexts();
  await page.check('[name=saved]');
  await page.click('form[action="/enrol/recovery_code"] button.primary');
  await overview();
  await look('set-up');
  await page.click('form[action="/enrol/finish"] button.primary');
  await page.waitForFunction(() => location.pathname !== '/enrol');
  await look('done');

  // On with the sign-in that waited, which knows the name.
  await passkeys.touched(false);
  await page.click('a.primary');
  await page.waitForSelector('#username');
  const name = await page.inputValue('#username');
  await look('sign-in');
  await passkeys.touched(true);
  await page.click('[data-start]', { timeout: 3000 }).catch(() => {});
  await page.waitForFunction(() => location.port === '1' || document.querySelector('form[action$="/consent"]'));
  if (await page.locator('form[action$="/consent"]').count()) {
    await look('allow');
    await page.click('form[action$="/consent"] button[value=allow]');
  }
  await page.waitForURL('http://localhost:1/**');
  expect((await passkeys.credentials()).length === 1, 'one passkey on the device');
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { name, back: page.url(), codes: codes.length, wrong };
});
