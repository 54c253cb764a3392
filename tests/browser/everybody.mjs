// Every page outside a person's own account, in one language: looked at, judged, and gone through.
import { readFileSync } from 'node:fs';

import { expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ base, language, sign_in, create, invitation, person: who, code, bad, axe, screenshots }) => {
  const person = await launch({ screenshots, locale: language });
  const { page } = person;
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const seen = [];
  const at = (path) => new URL(path, base).href;
  const look = async (name) => {
    const html = page.locator('html');
    expect((await html.getAttribute('lang')) === language, `${name} in ${language}`);
    const direction = (await html.getAttribute('dir')) ?? 'ltr';
    expect(direction === (language === 'ar' ? 'rtl' : 'ltr'), `${name} is not ${direction}`);
    wrong.push(...(await judge(page, { name: `${name}-${language}`, axe: judgement })));
    seen.push(name);
    await person.shot(`${name}-${language}`);
  };
  const visit = async (path, name) => {
    await page.goto(at(path));
    await look(name);
  };
  const submit = async (selector, name) => {
    await Promise.all([page.waitForNavigation(), page.click(selector)]);
    if (name) await look(name);
  };

  await visit('/', 'home');
  await visit('/nowhere', 'missing');
  await page.goto(bad);
  await look('refused');

  // A device's code: typed wrongly, then looked at, and declined; and the picture of its address.
  await visit('/device', 'device');
  await page.fill('#user_code', 'BBBB-BBBB');
  await submit('form[action="/device"] button', 'device-unknown');
  await page.fill('#user_code', code);
  await submit('form[action="/device"] button', 'device-confirm');
  await submit('button[value=deny]', 'device-denied');
  const picture = await (await page.request.get(at(`/device/qr?user_code=${code}`))).text();
  expect(/viewBox="0 0 (\d+) \1"/.test(picture), `a square picture: ${picture.slice(0, 120)}`);

  // An account of one's own making: the name, and the set-up to which it leads.
  await page.goto(create);
  await look('register');
  await page.fill('#username', who.username);
  await submit('form[action$="/register"] button', 'register-taken');
  await page.fill('#username', `${who.username}-too-${language}`);
  await submit('form[action$="/register"] button', 'register-welcome');

  // An invitation, all the way.
  await page.goto(invitation);
  await look('welcome');
  await submit('form[action="/enrol/begin"] button', 'overview');
  await visit('/enrol/consent', 'terms');
  await submit('button[value=grant]');
  await visit('/enrol/consent', 'terms-agreed');
  for (const name of ['password', 'totp', 'passkey', 'recovery_code']) await visit(`/enrol/${name}`, `set-${name}`);
  await page.goto(at('/enrol'));
  if (await page.locator('a[href="/enrol/face"]').count()) await visit('/enrol/face', 'camera');

  // A login: each of its pages, and what the application asks for.
  // Consent is asked anew: the same person allowed it in another language.
  const asked = new URL(sign_in);
  asked.searchParams.set('prompt', 'consent');
  await page.goto(asked.href);
  await look('identify');
  await page.fill('#username', who.username);
  await submit('form[action$="/identify"] button');
  await page.fill('#password', who.secret);
  await submit('form[action$="/password"] button.primary');
  if (!(await page.locator('#recovery_code').count())) {
    await submit('form[action$="/choose"] button', 'choose');
    await submit('form:has(input[value=recovery_code]) button');
  }
  await look('recovery');
  await page.fill('#recovery_code', who.code);
  await submit('form[action$="/recovery_code"] button.primary', 'consent');
  // The application's own page is not there: what counts is the session.
  await page.click('button[value=allow]').catch(() => {});
  await page.waitForURL((url) => url.port === '1').catch(() => {});
  await visit('/me', 'account');
  await visit('/end_session', 'sign-out');
  await submit('form[action="/end_session/confirm"] button', 'signed-out');
  await person.close();
  return { wrong, seen };
});
