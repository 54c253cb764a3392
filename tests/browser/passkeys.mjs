// Passkeys in a browser: from the suggestions of the username field, on the button, copied, and of two devices.
import { authenticator, expect, launch, scenario } from './lib.mjs';

await scenario(async ({ base, username, secret, codes, screenshots }) => {
  const person = await launch({ screenshots });
  const { page, context } = person;
  const device = await authenticator(page);
  await device.touched(false);
  const at = (path) => new URL(path, base).href;
  const home = () => page.waitForURL((url) => url.pathname === '/me');
  const signOut = async () => {
    await context.clearCookies();
    await device.touched(false);
    await page.goto(at('/me'));
    await page.waitForSelector('form[data-autofill]:not([hidden])');
    expect((await page.getAttribute('#username', 'autocomplete')) === 'username webauthn', 'a field with suggestions');
  };
  const lines = () => page.locator('#factors ~ .rows li', { hasText: 'Passkey' }).allInnerTexts();

  // With a password, and a passkey is added.
  await page.goto(at('/me'));
  await page.fill('#username', username);
  await page.click('form[action$="/identify"] button');
  await page.fill('#password', secret);
  await page.click('form[action$="/password"] button.primary');
  await page.waitForLoadState();
  if (!(await page.locator('#recovery_code').count())) {
    await page.click('form[action$="/choose"] button');
    await page.click('form:has(input[value=recovery_code]) button');
  }
  await page.fill('#recovery_code', codes[0]);
  await page.click('form[action$="/recovery_code"] button.primary');
  await home();
  const add = async (label) => {
    await page.goto(at('/me/factors/add?factor=passkey'));
    await page.fill('#label', label);
    await page.click('[data-start]');
    await page.waitForURL((url) => url.search === '?said=added');
  };
  await device.touched(true);
  await add('The laptop');
  const alone = await lines();

  // The field's suggestions, without a click: the device answers as soon as its holder touches it.
  const answers = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/passkey')) answers.push(request.postData());
  });
  await signOut();
  const first = page.url();
  await device.touched(true);
  await page.reload().catch(() => {});
  await home();
  expect(answers.length === 1, `one answer, got ${answers.length}`);

  // What was answered to one attempt is worth nothing in another.
  await signOut();
  expect(page.url() !== first, 'another attempt');
  const stolen = new URLSearchParams(answers[0]).get('credential');
  await page.evaluate((credential) => {
    const form = document.querySelector('form[data-passkey]');
    form.elements.namedItem('credential').value = credential;
    form.submit();
  }, stolen);
  await page.waitForSelector('#problem');
  expect(new URL(page.url()).pathname.startsWith('/login/'), 'still at the login');

  // The button, beside suggestions that wait, and where the browser has none.
  await page.waitForSelector('form[data-autofill]:not([hidden])');
  await device.touched(true);
  await page.click('[data-start]', { timeout: 3000 }).catch(() => {});
  await home();
  await page.addInitScript(() => void (PublicKeyCredential.isConditionalMediationAvailable = undefined));
  await signOut();
  await device.touched(true);
  await page.click('[data-start]');
  await home();
  await person.shot('account');

  // Another device, whose passkeys are kept elsewhere too. It is the only one at hand.
  const before = await device.credentials();
  await device.remove();
  const cloud = await authenticator(page, { defaultBackupEligibility: true, defaultBackupState: true });
  await add('The phone');
  const both = await lines();
  await cloud.remove();

  // The first one back, as a thief would have copied it before its last uses: its count is too low.
  const [kept] = before;
  const thief = await authenticator(page);
  await thief.copied(kept, { signCount: 1 });
  const refused = async (who) => {
    await context.clearCookies();
    await who.touched(true);
    await page.goto(at('/me'));
    await page.click('[data-start]');
    await page.waitForSelector('#problem');
    return page.locator('#problem').innerText();
  };
  const copied = await refused(thief);
  // It counts on and is as good as before; then it says that it can be copied.
  await thief.copied(kept, { signCount: kept.signCount + 50 });
  await thief.says(kept.credentialId, { backupEligibility: true });
  const changed = await refused(thief);
  await thief.says(kept.credentialId, { backupEligibility: false });
  await context.clearCookies();
  await page.goto(at('/me'));
  await page.click('[data-start]');
  await home();
  const history = await page.locator('#history ~ .rows .what').allInnerTexts();
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { alone, both, copied, changed, history };
});
