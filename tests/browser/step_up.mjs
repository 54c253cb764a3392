// An application that got a password's worth is asked for more by a resource: the page says who asks and asks for the missing factor
// alone, and nobody types a name or a password twice.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { expect, judge, launch, scenario } from './lib.mjs';

/** What an authenticator app shows now (RFC 6238, RFC 4226 §5.3). */
function digits(base32) {
  const letters = [...base32.replaceAll('=', '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter));
  const bits = letters.map((value) => value.toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(step).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

await scenario(async ({ weak, strong, username, secret, app, axe, screenshots }) => {
  const person = await launch({ screenshots });
  const { page, context } = person;
  const judgement = readFileSync(axe, 'utf8');
  const wrong = [];
  const look = async (name) => {
    wrong.push(...(await judge(page, { name, axe: judgement })));
    await person.shot(name);
  };
  await context.route('http://localhost:1/**', (route) => route.fulfill({ contentType: 'text/html', body: '<p>Arrived</p>' }));
  const session = async () => (await context.cookies()).find(({ name }) => name.endsWith('session'))?.value;
  const arrive = async () => {
    await page.waitForFunction(() => location.port === '1' || document.querySelector('form[action$="/consent"]'));
    const consent = page.locator('form[action$="/consent"] button[value=allow]');
    if (await consent.count()) await consent.click();
    await page.waitForURL('http://localhost:1/**');
    return page.url();
  };

  await page.goto(weak);
  await page.fill('#username', username);
  await page.click('form[action$="/identify"] button');
  await page.fill('#password', secret);
  await page.click('form[action$="/password"] button.primary');
  const backWeak = await arrive();
  const before = await session();

  await page.goto(strong);
  await page.waitForSelector('#otp');
  expect(!(await page.locator('#username:visible, #password').count()), 'only what is missing is asked');
  const why = await page.locator('.raise').innerText();
  await look('one-more');
  await page.fill('#otp', digits(app));
  await page.click('form[action$="/totp"] button.primary');
  const backStrong = await arrive();
  const after = await session();
  expect(before && after && before !== after, 'the raised session has a cookie of its own');
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { backWeak, backStrong, why, wrong };
});
