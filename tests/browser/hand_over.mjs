// A desk without a camera and a phone with one: the code is read, the number said, the face shown, and the desk goes on.
import { expect, judge, launch, scenario } from './lib.mjs';
import { password } from './journey.mjs';

/** Captures that somebody makes before giving up. */
const TRIES = 6;

await scenario(async ({ url, username, secret, actor, reader, axe, screenshots, application }) => {
  const desk = await launch({ screenshots: `${screenshots}/desk` });
  const phone = await launch({ actor, screenshots: `${screenshots}/phone` });
  await phone.page.setViewportSize({ width: 320, height: 640 });
  await desk.context.route(`${application}**`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Landed</title><link rel=icon href=data:,><p id=landed>Landed' }));
  const found = [];
  const look = async (person, name) => {
    await person.shot(name);
    found.push(...(await judge(person.page, { name, axe })));
    if (person === phone) await person.page.setViewportSize({ width: 320, height: 640 });
  };

  await password(desk, { url, username, secret });
  await desk.page.waitForSelector('[data-capture]');
  await desk.page.click('[data-start]:visible');
  await desk.page.waitForSelector('[data-panel=missing]:not([hidden])');
  await look(desk, 'no-camera');
  await desk.page.click('form[action$="/phone"] button');
  await desk.page.waitForSelector('svg.qr');
  await look(desk, 'code');
  const number = (await desk.page.locator('.matching').innerText()).trim();
  const code = {
    side: Number(await desk.page.locator('svg.qr rect').getAttribute('width')),
    path: await desk.page.locator('svg.qr path').getAttribute('d'),
  };
  const headers = { 'Content-Type': 'application/json' };
  const link = await (await fetch(reader, { method: 'POST', headers, body: JSON.stringify(code) })).text();
  expect(link.includes('/phone/'), `a link, got ${link}`);

  await phone.page.goto(link);
  await phone.page.waitForSelector('#number');
  expect(!(await phone.page.locator('main').innerText()).includes(number), 'the phone does not show the number');
  await look(phone, 'asked');
  // The desk hears of it by itself.
  await desk.page.waitForSelector('svg.qr', { state: 'detached' });
  await look(desk, 'opened');
  await phone.page.fill('#number', number);
  await phone.page.click('form[action="/phone/number"] button');
  await phone.page.waitForSelector('[data-capture]');
  await desk.page.waitForSelector('[data-state=confirmed]');
  await look(phone, 'camera');
  await look(desk, 'confirmed');

  let left = TRIES;
  const done = () => phone.page.getByText('Go back to the other device').count();
  for (; left > 0 && !(await done()); left -= 1) {
    await phone.page.evaluate(() => void (document.documentElement.dataset.old = ''));
    await phone.page.click('[data-start]:visible');
    await phone.page.locator('html:not([data-old]) main').waitFor({ timeout: 75_000 });
  }
  expect(await done(), `the phone is done, got ${await phone.page.locator('main').innerText()}`);
  await look(phone, 'done');

  // And goes on by itself: to the question of consent, and to the application.
  const allow = desk.page.locator('form[action$="/consent"] button[value=allow]');
  await allow.waitFor();
  await look(desk, 'consent');
  await allow.click();
  await desk.page.waitForSelector('#landed');
  const back = desk.page.url();
  for (const person of [desk, phone]) {
    const own = person.complaints.filter((text) => !text.includes('Failed to load resource'));
    expect(own.length === 0, `no complaint, got ${own}`);
    await person.close();
  }
  return { back, found, captures: TRIES - left };
});
