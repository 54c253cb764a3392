// Who asked the system for less motion comes to the camera of a login: another way comes first, and is one click away.
import { expect, launch, scenario } from './lib.mjs';
import { password } from './journey.mjs';

await scenario(async ({ url, username, secret }) => {
  const person = await launch({ calm: true });
  const { page } = person;
  await password(person, { url, username, secret });
  await page.waitForSelector('[data-capture], #recovery_code');
  if (!(await page.locator('[data-capture]').count())) {
    await page.click('form[action$="/choose"] button');
    await page.click('form:has(input[value=face]) button');
    await page.waitForSelector('[data-capture]');
  }
  const visible = (panel) => page.locator(`[data-panel=${panel}]:not([hidden])`);
  await visible('calm').waitFor();
  expect(!(await visible('start').count()), 'the way without motion comes first');
  await page.click('[data-panel=calm] form button');
  await page.waitForSelector('form:has(input[value=recovery_code]) button');
  expect(!(await page.locator('[data-capture]').count()), 'no camera beside the other ways');
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return true;
});
