// One person at home and somebody abroad with the person's password: who is asked for more, and what the page sends of
// how it was filled in.
import { expect, launch, scenario } from './lib.mjs';

await scenario(async ({ logins, username, secret, codes, screenshots }) => {
  const person = await launch({ screenshots });
  const { page, context } = person;
  await page.route('http://localhost:1/**', (route) => route.fulfill({ body: 'back at the application' }));
  const seen = [];
  for (const { url, from, name } of logins) {
    await context.clearCookies();
    await context.setExtraHTTPHeaders({ 'x-forwarded-for': from });
    await page.goto(url);
    await page.fill('#username', username);
    await page.click('form[action$="/identify"] button');
    if (!(await page.locator('#password').count())) {
      await page.click('form[action$="/choose"] button');
      await page.click('form:has(input[value=password]) button');
    }
    await page.waitForSelector('#password');
    // The server measures the way to here meanwhile.
    const measured = page.waitForResponse((answer) => answer.url().includes('/ping?of='));
    await page.mouse.move(200, 200);
    await page.mouse.move(420, 320, { steps: 12 });
    await page.locator('#password').pressSequentially(secret, { delay: 30 });
    expect((await measured).ok(), 'a round trip');
    await page.waitForTimeout(50);
    const posting = page.waitForRequest((it) => it.method() === 'POST' && it.url().endsWith('/password'));
    await page.click('form[action$="/password"] button.primary');
    const posted = Object.fromEntries(new URLSearchParams((await posting).postData()));
    await page.waitForLoadState();
    const asked = (await page.locator('#otp, #recovery_code, .choices').count()) > 0;
    const text = asked ? await page.locator('body').innerText() : '';
    await person.shot(name);
    seen.push({ asked, text, rhythm: posted.rhythm, trip: posted.trip });
    if (!asked) {
      const allow = page.locator('form[action$="/consent"] button[value=allow]');
      if (await allow.count()) await allow.click();
      await page.waitForURL('http://localhost:1/**');
      continue;
    }
    if (name === 'abroad') continue;
    if (!(await page.locator('#recovery_code').count())) {
      await page.click('form[action$="/choose"] button');
      await page.click('form:has(input[value=recovery_code]) button');
    }
    await page.fill('#recovery_code', codes.pop());
    await page.click('form[action$="/recovery_code"] button.primary');
    await page.waitForLoadState();
    const allow = page.locator('form[action$="/consent"] button[value=allow]');
    if (await allow.count()) await allow.click();
    await page.waitForURL('http://localhost:1/**');
  }
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { seen };
});
