// Whoever wants no finger kept any more has it erased: is told what goes, does it, reads that it is done, and signs in as ever.
import { readFileSync } from 'node:fs';

import { expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ base, username, secret, codes, axe, screenshots }) => {
  const person = await launch({ screenshots });
  const { page, context } = person;
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const look = async (name) => {
    wrong.push(...(await judge(page, { name, axe: judgement })));
    await person.shot(name);
  };
  const left = [...codes];
  const signIn = async () => {
    await page.goto(new URL('/me', base).href);
    await page.fill('#username', username);
    await page.click('form[action$="/identify"] button');
    await page.fill('#password', secret);
    await page.click('form[action$="/password"] button.primary');
    await page.waitForSelector('form[action$="/choose"]');
    if (!(await page.locator('#recovery_code').count())) {
      await page.click('form[action$="/choose"] button');
      await page.click('form:has(input[value=recovery_code]) button');
    }
    await page.fill('#recovery_code', left.pop());
    await page.click('form[action$="/recovery_code"] button.primary');
    await page.waitForURL((url) => url.pathname === '/me');
  };
  const fingers = () => page.locator('#factors ~ .rows .what', { hasText: 'Fingerprint' }).count();

  await signIn();
  const before = await fingers();
  await page.getByRole('link', { name: 'Erase my biometrics' }).click();
  await page.waitForURL((url) => url.pathname === '/me/biometrics/erase');
  await look('asked');
  await page.click('button.danger');
  await page.waitForURL((url) => url.search === '?said=erased');
  await look('erased');
  const said = await page.locator('[role=status]').innerText();
  const after = await fingers();
  const consent = await page.locator('#data ~ .hint').first().innerText();
  expect(!(await page.getByRole('link', { name: 'Erase my biometrics' }).count()), 'nothing is left to be erased');
  await page.goto(new URL('/me/history', base).href);
  const history = await page.locator('.rows .what').allInnerTexts();

  await context.clearCookies();
  await signIn();
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { before, after, said, consent, history, wrong };
});
