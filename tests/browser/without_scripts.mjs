// A browser that runs no script signs in with the fields that every password manager knows.
import { expect, launch, scenario } from './lib.mjs';
import { arrive, password } from './journey.mjs';

await scenario(async ({ url, username, secret, otp }) => {
  const person = await launch({ scripts: false });
  const { page } = person;
  await password(person, { url, username, secret });
  await page.fill('[name=otp]', otp);
  await page.click('form[action$="/totp"] button.primary');
  const back = await arrive(person);
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { back };
});
