// A browser that a person trusts is known at the next sign-in by the key that it keeps; another one is not, nor is a copy of
// its cookies.
import { readFileSync } from 'node:fs';

import { expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ username, secret, codes, login, again, axe, screenshots }) => {
  const person = await launch({ screenshots });
  const { page, context } = person;
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const arrive = async (browser) =>
    browser.route('http://localhost:1/**', (route) => route.fulfill({ contentType: 'text/html', body: '<p>Arrived</p>' }));
  await arrive(context);
  /** Signs in with the password: whether more is asked. */
  const withPassword = async (on, url) => {
    await on.goto(url);
    await on.fill('#username', username);
    await on.click('form[action$="/identify"] button');
    await on.fill('#password', secret);
    await on.click('form[action$="/password"] button.primary');
    await on.waitForFunction(() => location.port === '1' || document.querySelector('#otp, #recovery_code, #scope-list, form[action$="/consent"]'));
    return (await on.locator('#otp, #recovery_code').count()) > 0;
  };
  const allow = async (on) => {
    if (await on.locator('form[action$="/consent"]').count()) await on.click('form[action$="/consent"] button.primary');
    await on.waitForURL('http://localhost:1/**');
  };

  // Nothing is known of this browser: more is asked, and there it is trusted.
  const first = await withPassword(page, login);
  const code = async (number) => {
    if (!(await page.locator('#recovery_code').count())) {
      await page.click('form[action$="/choose"] button');
      await page.click('form:has(input[value=recovery_code]) button');
    }
    await page.fill('#recovery_code', codes[number]);
  };
  await code(0);
  await page.check('[data-trust] input');
  wrong.push(...(await judge(page, { name: 'trust', axe: judgement })));
  await person.shot('trust');
  await page.click('form[action$="/recovery_code"] button.primary');
  await allow(page);

  // The key is there, and no script of ours or of anybody reads it.
  const me = new URL('/me', login).href;
  await page.goto(me);
  const extractable = await page.evaluate(async () => {
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const kept = await done((await done(indexedDB.open('whorl', 1))).transaction('devices').objectStore('devices').getAll());
    const read = (format) => crypto.subtle.exportKey(format, kept[0].key).then(() => true, () => false);
    return kept.length !== 1 || kept[0].key.extractable || (await read('jwk')) || (await read('pkcs8'));
  });

  // Signed out, and with every cookie gone: the key alone tells.
  const cookies = await context.cookies();
  await context.clearCookies();
  const second = await withPassword(page, again);
  if (!second) await allow(page);
  // The account wants more than the password, which the key is not; the page that asks for the key goes by by itself.
  await page.goto(me);
  await page.waitForSelector('#otp, #recovery_code');
  await code(1);
  expect(!(await page.locator('[data-trust]').count()), 'a browser that is trusted is not asked whether it is');
  await page.click('form[action$="/recovery_code"] button.primary');
  await page.waitForSelector('#browsers');
  wrong.push(...(await judge(page, { name: 'account', axe: judgement })));
  await person.shot('account');

  // Another browser with all the cookies of this one.
  const other = await launch({});
  await arrive(other.context);
  await other.context.addCookies(cookies.filter(({ name }) => !name.endsWith('session')));
  const elsewhere = await withPassword(other.page, again);
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  expect(other.complaints.length === 0, `no complaint, got ${other.complaints}`);
  await other.close();
  await person.close();
  return { first, second, other: elsewhere, extractable, wrong };
});
