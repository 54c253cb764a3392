// A person sets up a passkey and a face, and signs in with both.
import { authenticator, expect, launch, scenario } from './lib.mjs';
import { arrive, atTheCamera, enrolFace, loginFace } from './journey.mjs';

await scenario(async ({ invitation, secret, actor, url }) => {
  const person = await launch({ actor });
  const { page } = person;
  const passkeys = await authenticator(page);
  const overview = () => page.waitForURL((to) => to.pathname === '/enrol');
  const enrol = (step) => page.goto(new URL(`/enrol/${step}`, invitation).href);

  await atTheCamera(person, invitation);
  await enrolFace(person);
  await enrol('password');
  await page.fill('[name=password]', secret);
  await page.fill('[name=password_again]', secret);
  await page.click('form[action="/enrol/password"] button.primary');
  await overview();
  await enrol('passkey');
  await page.click('[data-passkey] [data-start]');
  await overview();
  await enrol('recovery_code');
  const codes = await page.locator('#codes code').allInnerTexts();
  await page.check('[name=saved]');
  await page.click('form[action="/enrol/recovery_code"] button.primary');
  await overview();
  await page.click('form[action="/enrol/finish"] button.primary');
  await page.getByText('You are all set').waitFor();

  await passkeys.touched(false);
  await page.goto(url);
  expect(!(await page.locator('[data-capture]').count()), 'a key comes before the camera');
  await passkeys.touched(true);
  // The device may answer the field's suggestions before anybody clicks.
  await page.click('[data-passkey] [data-start]', { timeout: 3000 }).catch(() => {});
  await loginFace(person);
  const back = await arrive(person);
  const own = person.complaints.filter((text) => !text.includes('Failed to load resource'));
  expect(own.length === 0, `no complaint, got ${own}`);
  await person.close();
  return { back, codes };
});
