// Somebody who is known at home signs in there, and then from far away: more is asked, nothing is said of why, and
// afterwards the own account tells the place and what was unusual, in the person's language.
import { readFileSync } from 'node:fs';

import { expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ home, abroad, username, secret, codes, agent, locale, axe, screenshots, history }) => {
  const person = await launch({ screenshots, locale, agent });
  const { page, context } = person;
  await page.route('http://localhost:1/**', (route) => route.fulfill({ contentType: 'text/html', body: '<p>Arrived</p>' }));
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const look = async (name) => {
    wrong.push(...(await judge(page, { name, axe: judgement })));
    await person.shot(name);
  };
  const left = [...codes];
  const counted = [];
  const more = '#otp, #recovery_code';

  /** The name and the password: whether more is asked. */
  const withPassword = async ({ url, from }) => {
    await context.clearCookies();
    await context.setExtraHTTPHeaders({ 'x-forwarded-for': from });
    await page.goto(url);
    await page.fill('#username', username);
    // The page measures the way to the server as soon as it is there, and counts how it is filled in.
    const measured = page.waitForResponse((answer) => answer.url().includes('/ping?of='));
    await page.click('form[action$="/identify"] button');
    await page.mouse.move(200, 200);
    await page.mouse.move(420, 320, { steps: 12 });
    await page.locator('#password').pressSequentially(secret, { delay: 15 });
    expect((await measured).ok(), 'a round trip');
    const posting = page.waitForRequest((it) => it.method() === 'POST' && it.url().endsWith('/password'));
    await page.click('form[action$="/password"] button.primary');
    const posted = new URLSearchParams((await posting).postData());
    counted.push({ rhythm: posted.get('rhythm'), trip: posted.get('trip') });
    await page.waitForFunction((css) => location.port === '1' || document.querySelector(css), `${more}, form[action$="/consent"]`);
    return (await page.locator(more).count()) > 0;
  };
  const finish = async () => {
    if ((await page.locator(more).count()) && !(await page.locator('#recovery_code').count())) {
      await page.click('form[action$="/choose"] button');
      await page.click('form:has(input[value=recovery_code]) button');
    }
    const field = page.locator('#recovery_code');
    if (await field.count()) {
      await field.fill(left.pop());
      await page.click('form[action$="/recovery_code"] button.primary');
      await page.waitForFunction(() => location.port === '1' || document.querySelector('form[action$="/consent"]'));
    }
    const consent = page.locator('form[action$="/consent"] button[value=allow]');
    if (await consent.count()) await consent.click();
    await page.waitForURL('http://localhost:1/**');
    return page.url();
  };

  const atHome = await withPassword(home);
  const backHome = await finish();

  const far = await withPassword(abroad);
  const asked = await page.locator('body').innerText();
  await look('asked');
  const backAbroad = await finish();

  // What was proved is enough for the own account, and what happened stands there.
  await page.goto(new URL(history, abroad.url).href);
  expect(new URL(page.url()).pathname === history, `the history, but it is ${page.url()}`);
  const lines = await page.locator('.rows > li').allInnerTexts();
  await look('history');
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { atHome, backHome, far, asked, backAbroad, counted, lines, wrong };
});
