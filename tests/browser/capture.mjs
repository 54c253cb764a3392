// A whole capture in a browser: what the page shows and says while a simulated person answers it, and a strip of pictures.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, launch, scenario } from './lib.mjs';
import { atTheCamera } from './journey.mjs';

/** Screenshots of one capture. */
const MOST_SHOTS = 18;

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
  const started = Date.now();
  await page.click('[data-panel=start] [data-start]');
  let ended = false;
  const end = { timeout: 100_000 };
  const taken = page.waitForURL((url) => url.pathname === '/enrol', end);
  const over = Promise.any([taken, page.locator('#problem').waitFor(end)]).finally(() => (ended = true));
  const shots = [];
  if (strip) {
    mkdirSync(strip, { recursive: true });
    await page.setViewportSize({ width: 390, height: 700 });
    let last = '';
    while (!ended) {
      const now = seen.at(-1);
      const key = now && [now.challenge, now.direction, now.painted, now.dot, now.phase].join();
      if (key && key !== last && shots.length < MOST_SHOTS) {
        last = key;
        const file = path.join(strip, `${String(shots.length).padStart(2, '0')}.jpg`);
        await page.screenshot({ path: file, type: 'jpeg', quality: 80 }).then(() => shots.push(file), () => {});
      } else {
        await new Promise((done) => setTimeout(done, 20));
      }
    }
  }
  await over;
  const took = Date.now() - started;
  const problem = page.locator('#problem');
  const refusal = (await problem.count()) ? await problem.innerText() : null;
  const own = person.complaints.filter((text) => !text.includes('Failed to load resource'));
  expect(own.length === 0, `no complaint, got ${own}`);
  await person.close();
  return { announced, seen, said, shots, took, at: page.url(), refusal };
});
