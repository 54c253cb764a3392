// A whole capture in a browser: what the page shows and says while a simulated person answers it, and a strip of pictures.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, launch, scenario, wayTo } from './lib.mjs';
import { atTheCamera, enrolFace } from './journey.mjs';

/** Pictures of one capture. */
const MOST_SHOTS = 24;
/** Between two pictures of what the page paints. */
const BETWEEN_MS = 100;

// A capture's socket is "open", "none" where the browser has none, or "refused".
// Until the face is enrolled, however many captures that takes; or "over", one capture; or "asked", the first challenge.
await scenario(async ({ invitation, actor, strip, socket, until }) => {
  const way = socket === 'refused' && (await wayTo(invitation));
  const person = await launch({ actor, way });
  const { page, context } = person;
  const seen = [];
  const said = [];
  const keys = [];
  await context.exposeBinding('whorlSaw', (_, what) => void seen.push(what));
  await context.exposeBinding('whorlHeard', (_, words) => void said.push(words));
  await context.exposeBinding('whorlMade', (_, key) => void keys.push(key));
  await context.addInitScript((hasSocket) => {
    // Somebody in the page who would like to keep its key.
    const { generateKey } = SubtleCrypto.prototype;
    SubtleCrypto.prototype.generateKey = async function (...how) {
      const pair = await generateKey.apply(this, how);
      const taken = [];
      for (const format of ['pkcs8', 'jwk']) {
        await this.exportKey(format, pair.privateKey).then(
          () => taken.push(format),
          () => {},
        );
      }
      void globalThis.whorlMade({ extractable: pair.privateKey.extractable, taken });
      return pair;
    };
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
  }, socket !== 'none');

  await atTheCamera(person, invitation);
  const announced = await page.locator('[data-panel=start]').innerText();
  await page.click('[data-speak]');
  const film = strip && (await filmed(page, seen));
  const started = Date.now();
  if (until === 'enrolled') {
    await enrolFace(person);
  } else {
    await page.click('[data-panel=start] [data-start]');
    const end = { timeout: 100_000 };
    const taken = page.waitForURL((url) => url.pathname === '/enrol', end);
    const asked = until === 'asked' ? [page.locator('[data-capture][data-challenge]').waitFor(end)] : [];
    await Promise.any([taken, page.locator('#problem').waitFor(end), ...asked]);
  }
  const took = Date.now() - started;
  const shots = film ? await film.keep(strip) : [];
  const problem = page.locator('#problem');
  const refusal = (await problem.count()) ? await problem.innerText() : null;
  // The browser itself remarks on a refusal, and on a socket that does not open.
  const remarks = ['Failed to load resource', 'WebSocket connection to'];
  const own = person.complaints.filter((text) => !remarks.some((remark) => text.includes(remark)));
  expect(own.length === 0, `no complaint, got ${own}`);
  await person.close();
  return { announced, seen, said, keys, shots, took, at: page.url(), refusal };
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
