// The pages of a login in one language, judged and looked at.
import { readFileSync } from 'node:fs';

import { expect, judge, launch, scenario } from './lib.mjs';

await scenario(async ({ url, language, axe, screenshots }) => {
  const person = await launch({ screenshots });
  const { page } = person;
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const look = async (name) => {
    expect((await page.locator('html').getAttribute('lang')) === language, `${name} in ${language}`);
    wrong.push(...(await judge(page, { name: `${name}-${language}`, axe: judgement })));
    await person.shot(`${name}-${language}`);
  };
  await page.goto(url);
  await look('identify');
  await page.fill('#username', 'somebody');
  await page.click('form[action$="/identify"] button');
  await page.waitForSelector('#password');
  await look('password');
  await page.fill('#password', 'a wrong one');
  await page.click('form[action$="/password"] button.primary');
  await page.waitForSelector('#problem');
  await look('wrong');
  await page.click('form[action$="/choose"] button');
  await page.waitForSelector('.choices');
  await look('choose');
  await person.close();
  return { wrong };
});
