// A whole capture in a browser: what the page shows and says while a simulated person answers it, and a strip of pictures.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, launch, scenario } from './lib.mjs';
import { atTheCamera } from './journey.mjs';

/** Pictures of one capture. */
const MOST_SHOTS = 24;
/** Between two pictures of what the page paints. */
const BETWEEN_MS = 100;

await scenario(async ({ invitation, actor, strip, socket }) => {
  const person = await launch({ actor });
  const { page, context } = person;
  const seen = [];
  const said = [];
  await context.exposeBinding('whorlSaw', (_, what) => void seen.push(what));
  await context.exposeBinding('whorlHeard', (_, words) => void said.push(words));
  await context.addInitScript((hasSocket) => {
    if (!hasSocket) delete globalThis.WebSocket;
    // A voice that is written down.
    const voice = { cancel() {}, speak: (utterance) => void globalThis.whorlHeard(utterance.text) };
    Object.defineProperty(globalThis, 'speechSynthesis', { value: voice });
    document.addEventListener('DOMContentLoaded', () => {
      const root = document.querySelector('[data-capture]');
      if (!root) return;
      const field = document.querySelector('[data-field]');
      const tell = () => {
        const { challenge, direction, colour, dot, line, state, phase } = root.dataset;
        const painted = colour && !field.hidden ? getComputedStyle(field).backgroundColor : '';
        const text = document.querySelector('[data-guidance]').textContent;
        const live = document.querySelector('[data-live]').textContent;
        void globalThis.whorlSaw({ at: performance.now(), challenge, direction, painted, dot, line, state, phase, text, live });
      };
      new MutationObserver(tell).observe(root, { attributes: true, childList: true, characterData: true, subtree: true });
    });
  }, socket);

  await atTheCamera(person, invitation);
  const announced = await page.locator('[data-panel=start]').innerText();
  await page.click('[data-speak]');
  const film = strip && (await filmed(page, seen));
  const started = Date.now();
  await page.click('[data-panel=start] [data-start]');
  const end = { timeout: 100_000 };
  const taken = page.waitForURL((url) => url.pathname === '/enrol', end);
  const over = Promise.any([taken, page.locator('#problem').waitFor(end)]);
  await over;
  const took = Date.now() - started;
  const shots = film ? await film.keep(strip) : [];
  const problem = page.locator('#problem');
  const refusal = (await problem.count()) ? await problem.innerText() : null;
  const own = person.complaints.filter((text) => !text.includes('Failed to load resource'));
  expect(own.length === 0, `no complaint, got ${own}`);
  await person.close();
  return { announced, seen, said, shots, took, at: page.url(), refusal };
});

/** Follows what the page paints, and keeps the last picture of each thing that it shows. */
async function filmed(page, seen) {
  await page.setViewportSize({ width: 390, height: 700 });
  const cdp = await page.context().newCDPSession(page);
  const moments = [];
  cdp.on('Page.screencastFrame', ({ data, sessionId }) => {
    const now = seen.at(-1);
    const key = now && [now.text, now.direction, now.painted, now.dot, now.phase].join();
    if (key && key === moments.at(-1)?.key) moments.at(-1).data = data;
    else if (key && moments.length < MOST_SHOTS) moments.push({ key, data });
    // The next one is sent when this one is acknowledged: not so many that the page would be slowed down.
    setTimeout(() => cdp.send('Page.screencastFrameAck', { sessionId }).catch(() => {}), BETWEEN_MS);
  });
  await cdp.send('Page.startScreencast', { format: 'jpeg', quality: 90 });
  return {
    async keep(folder) {
      await cdp.send('Page.stopScreencast');
      mkdirSync(folder, { recursive: true });
      return moments.map(({ data }, number) => {
        const file = path.join(folder, `${String(number).padStart(2, '0')}.jpg`);
        writeFileSync(file, Buffer.from(data, 'base64'));
        return file;
      });
    },
  };
}
