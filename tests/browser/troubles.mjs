// Whatever keeps a camera from being used has a page that says what to do, and another way is always there.
import { expect, launch, scenario } from './lib.mjs';
import { atTheCamera } from './journey.mjs';

const troubles = [
  // What is done to the browser, the panel that is to come, and whether trying again is offered.
  ['insecure', () => Object.defineProperty(globalThis, 'isSecureContext', { value: false }), 'insecure', false],
  ['unsupported', () => delete MediaDevices.prototype.getUserMedia, 'unsupported', false],
  // This machine has no camera.
  ['missing', () => {}, 'missing', true],
  ...[
    ['NotAllowedError', 'refused'],
    ['NotReadableError', 'taken'],
  ].map(([name, panel]) => [
    name,
    `MediaDevices.prototype.getUserMedia = async () => { throw new DOMException('', '${name}'); }`,
    panel,
    true,
  ]),
];

await scenario(async ({ invitation, screenshots }) => {
  const person = await launch({ screenshots });
  await atTheCamera(person, invitation);
  const url = person.page.url();
  const found = [];
  const opened = async (context) => {
    await context.addCookies(await person.context.cookies());
    const page = await context.newPage();
    return page;
  };
  const visible = (page, panel) => page.locator(`[data-panel=${panel}]:not([hidden])`);

  for (const [name, spoil, panel, retry] of troubles) {
    const context = await person.browser.newContext({ permissions: name === 'missing' ? ['camera'] : [] });
    await context.addInitScript(typeof spoil === 'string' ? { content: spoil } : spoil);
    const page = await opened(context);
    await page.goto(url);
    if (retry) await page.click('[data-panel=start] [data-start]');
    await visible(page, panel).waitFor();
    const text = await visible(page, panel).innerText();
    expect(text.length > 60, `${name} is explained, got ${text}`);
    const focused = await page.evaluate(() => document.activeElement?.dataset.panel);
    expect(focused === panel, `the focus is on the explanation of ${name}, got ${focused}`);
    expect((await page.locator('[data-retry]').isVisible()) === retry, `${name}: another try is ${retry ? '' : 'not '}offered`);
    expect(await page.locator('a[href="/enrol"], form[action="/enrol"]').count(), `${name}: another way is there`);
    found.push(panel);
    await context.close();
  }

  // Who asked the system for less motion is not shown any before choosing it.
  const calm = await person.browser.newContext({ reducedMotion: 'reduce', permissions: ['camera'] });
  const page = await opened(calm);
  await page.goto(url);
  await visible(page, 'calm').waitFor();
  expect(!(await visible(page, 'start').count()), 'the way without motion comes first');
  await page.click('[data-panel=calm] form button');
  await page.waitForURL((to) => to.pathname === '/enrol');
  await page.goto(url);
  await page.locator('[data-panel=calm] [data-start]').click();
  await visible(page, 'missing').waitFor();
  await calm.close();

  // And everybody else can ask for it.
  await person.page.click('[data-panel=start] [data-calm]');
  await visible(person.page, 'calm').waitFor();
  await person.shot('calm');
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { found };
});
