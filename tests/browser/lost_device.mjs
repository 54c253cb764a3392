// A phone with a passkey and a session is lost: its person gets in with a recovery code, is led to what the phone could do, and
// takes it away; the phone gets nowhere any more. Once without scripts, for a page that only works with them helps nobody.
import { readFileSync } from 'node:fs';

import { authenticator, expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ base, login, username, secret, codes, axe, screenshots }) => {
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const left = [...codes];
  const at = (path) => new URL(path, base).href;
  const more = '#otp, #recovery_code, form[action$="/passkey"]:has(~ noscript)';
  const arriving = (browser) =>
    browser.route('http://localhost:1/**', (route) => route.fulfill({ contentType: 'text/html', body: '<p>Arrived</p>' }));
  const identify = async (page, url) => {
    await page.goto(url);
    await page.fill('#username', username);
    await page.click('form[action$="/identify"] button');
    await page.fill('#password', secret);
    await page.click('form[action$="/password"] button.primary');
    await page.waitForFunction((css) => document.querySelector(css), more);
  };

  // The phone: signed in and trusted, with a passkey on it.
  const phone = await launch({});
  const passkeys = await authenticator(phone.page);
  await identify(phone.page, at('/me'));
  if (!(await phone.page.locator('#recovery_code').count())) {
    await phone.page.click('form[action$="/choose"] button');
    await phone.page.click('form:has(input[value=recovery_code]) button');
  }
  await phone.page.fill('#recovery_code', left.pop());
  await phone.page.check('[data-trust] input');
  await phone.page.click('form[action$="/recovery_code"] button.primary');
  await phone.page.waitForURL((url) => url.pathname === '/me');
  await phone.page.goto(at('/me/factors/add?factor=passkey'));
  await phone.page.fill('#label', 'My phone');
  await phone.page.click('[data-start]');
  await phone.page.waitForURL((url) => url.search === '?said=added');

  // Without it, at the application: another browser, with scripts and without.
  const person = await launch({ screenshots });
  const bare = await launch({ scripts: false });
  await arriving(person.context);
  const { page } = person;
  await authenticator(page);
  const look = async (name) => {
    wrong.push(...(await judge(page, { name, axe: judgement })));
    await person.shot(name);
  };
  // A name that was mistyped is no dead end.
  await page.goto(login);
  await page.fill('#username', `${username}x`);
  await page.click('form[action$="/identify"] button');
  await page.waitForSelector('#password');
  await page.getByRole('button', { name: 'Not you?' }).click();
  await page.waitForSelector('#username:not([readonly])');
  expect((await page.inputValue('#username')) === '', 'a name that can be given anew');
  await identify(page, page.url());
  // The passkey is asked for first, which is on the phone.
  await page.waitForSelector('[data-start]:not([aria-busy])');
  await look('asked');
  await page.getByRole('button', { name: 'Lost it, or cannot use it?' }).click();
  await page.waitForSelector('.choices');
  await page.click('details > summary');
  expect(await page.getByText('I lost a device').isVisible(), 'what to do is said');
  await look('ways');
  await page.click('form:has(input[value=recovery_code]) button');
  await page.fill('#recovery_code', left.pop());
  await page.click('form[action$="/recovery_code"] button.primary');
  await page.waitForFunction(() => location.port === '1' || document.querySelector('form[action$="/consent"]'));
  const consent = page.locator('form[action$="/consent"] button[value=allow]');
  if (await consent.count()) await consent.click();
  await page.waitForURL('http://localhost:1/**');
  const back = page.url();

  await page.goto(at('/me'));
  await look('account');
  await page.locator('.note').getByRole('link', { name: 'I lost a device' }).click();
  await page.waitForURL((url) => url.pathname === '/me/lost');
  await look('lost');
  await page.click('button.danger');
  await page.waitForSelector('#problem');
  await look('nothing-ticked');
  await page.getByLabel('My phone').check();
  for (const kind of ['browser', 'session']) {
    const ticks = page.locator(`input[name^="${kind}-"]`);
    expect((await ticks.count()) === 1, `one ${kind}, but there are ${await ticks.count()}`);
    await ticks.check();
  }
  await person.shot('ticked');
  await page.click('button.danger');
  await page.waitForURL((url) => url.pathname === '/me' && url.search === '?said=lost');
  await look('removed');
  const kept = await page.locator('#factors ~ .rows .what').allInnerTexts();
  const sessions = await page.locator('#sessions ~ .rows li').count();
  const browsers = await page.locator('#browsers').count();

  // The phone is signed out, and its passkey is none.
  // Its holder touches it once: it would answer the suggestions of every page that refuses it.
  await passkeys.touched(false);
  await phone.page.goto(at('/me'));
  await phone.page.waitForSelector('#username');
  const answered = phone.page.waitForRequest((it) => it.method() === 'POST' && it.url().endsWith('/passkey'));
  await passkeys.touched(true);
  await phone.page.click('[data-start]', { timeout: 3000 }).catch(() => {});
  await answered;
  await passkeys.touched(false);
  const refused = await phone.page.locator('#problem').innerText();
  expect((await passkeys.credentials()).length === 1, 'the phone has its passkey still');

  // The rest of it by forms alone.
  const plain = bare.page;
  await identify(plain, at('/me'));
  if (!(await plain.locator('#recovery_code').count())) {
    await plain.click('form[action$="/choose"] button');
    await plain.click('form:has(input[value=recovery_code]) button');
  }
  await plain.fill('#recovery_code', left.pop());
  await plain.click('form[action$="/recovery_code"] button.primary');
  await plain.waitForURL((url) => url.pathname === '/me');
  await plain.goto(at('/me/lost'));
  await plain.getByLabel('Authenticator app').check();
  await plain.click('button.danger');
  await plain.waitForURL((url) => url.search === '?said=lost');
  const byForms = await plain.locator('#factors ~ .rows .what').allInnerTexts();

  const own = person.complaints;
  expect(own.length === 0, `no complaint, got ${own}`);
  for (const browser of [phone, bare, person]) await browser.close();
  return { back, kept, sessions, browsers, refused, byForms, wrong };
});
