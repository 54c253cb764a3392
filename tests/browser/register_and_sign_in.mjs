// A person registers from an invitation with password, passkey and face, and signs in with each.
import { authenticator, expect, launch, scenario } from './lib.mjs';
import { arrive, enrolFace, loginFace, password } from './journey.mjs';

await scenario(async ({ invitation, username, secret, actor, screenshots, byFace, byPasskey }) => {
  const person = await launch({ actor, screenshots });
  const { page } = person;
  const passkeys = await authenticator(page);
  const overview = async () => {
    await page.waitForURL((url) => url.pathname === '/enrol', { timeout: 90_000 });
    const problem = page.locator('#problem');
    if (await problem.count()) throw new Error(`not accepted: ${await problem.innerText()}`);
  };
  const enrol = async (step) => {
    await page.goto(new URL(`/enrol/${step}`, invitation).href);
    await person.shot(`enrol-${step}`);
  };

  await page.goto(invitation);
  await person.shot('welcome');
  await page.click('form[action="/enrol/begin"] button');
  await overview();
  await person.shot('overview');

  // Who has not agreed yet is asked before the camera.
  await page.goto(new URL('/enrol/face', invitation).href);
  expect(!(await page.locator('[data-capture]').count()), 'no camera before consent');

  await enrol('consent');
  await page.click('button[value=grant]');
  await page.waitForURL((url) => url.pathname !== '/enrol/consent' || url.search !== '');

  await enrol('password');
  await page.fill('[name=password]', secret);
  await page.fill('[name=password_again]', secret);
  await page.click('form[action="/enrol/password"] button.primary');
  await overview();

  await enrol('passkey');
  await page.click('[data-passkey] [data-start]');
  await overview();
  expect((await passkeys.credentials()).length === 1, 'one passkey on the device');

  await enrol('face');
  await enrolFace(person);
  await overview();

  await enrol('totp');
  await enrol('recovery_code');
  await page.check('[name=saved]');
  await page.click('form[action="/enrol/recovery_code"] button.primary');
  await overview();
  await person.shot('overview-complete');
  await page.click('form[action="/enrol/finish"] button.primary');
  await page.getByText('You are all set').waitFor();
  await person.shot('done');

  await passkeys.touched(false);
  await password(person, { url: byFace, username, secret });
  await loginFace(person);
  const backByFace = await arrive(person);

  await page.goto(byPasskey);
  await person.shot('passkey');
  await passkeys.touched(true);
  // The device may answer the field's suggestions before anybody clicks.
  await page.click('[data-passkey] [data-start]', { timeout: 3000 }).catch(() => {});
  const backByPasskey = await arrive(person);

  const [credential] = await passkeys.credentials();
  // The browser itself remarks on the status of a page that refuses a capture.
  const own = person.complaints.filter((text) => !text.includes('Failed to load resource'));
  expect(own.length === 0, `no complaint, got ${own}`);
  await person.close();
  return { byFace: backByFace, byPasskey: backByPasskey, signCount: credential.signCount };
});
