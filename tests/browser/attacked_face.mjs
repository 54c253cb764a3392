// A login at whose camera, or on whose line, somebody is who may pretend to be another person: what was asked, how it ended,
// and how long that took.
import { launch, scenario } from './lib.mjs';
import { ends, face, password } from './journey.mjs';

/** The message at which somebody on the line begins: the first is the key, then come frames. */
const FROM = 4;
/** Pictures after which somebody goes who is asked nothing: a person is asked after five. */
const GOES_AFTER = 40;

await scenario(async ({ url, username, secret, actor, tamper }) => {
  const person = await launch({ actor });
  const { page, context } = person;
  const seen = [];
  await context.exposeBinding('whorlSaw', (_, what) => void seen.push(what));
  await context.addInitScript(() => {
    document.addEventListener('DOMContentLoaded', () => {
      const root = document.querySelector('[data-capture]');
      if (!root) return;
      const tell = () => {
        const { challenge, direction, phase } = root.dataset;
        void globalThis.whorlSaw({ at: performance.now(), challenge, direction, phase });
      };
      new MutationObserver(tell).observe(root, { attributes: true });
    });
  });
  const closed = [];
  if (tamper) await page.routeWebSocket(/\/face\/socket/, (line) => onTheWay(line, tamper, closed));
  await password(person, { url, username, secret });
  await face(person, { base: '/login/', name: 'visitor' });
  const end = page.locator(`${ends}, [data-capture][data-trouble]`).first();
  // Whoever the page does not find fit to be asked anything goes away.
  const bored = new Promise((done) => {
    const look = setInterval(() => {
      const isAsked = seen.some(({ challenge }) => challenge) || closed.length;
      if (isAsked || person.pictures() >= GOES_AFTER) clearInterval(look);
      if (!isAsked && person.pictures() >= GOES_AFTER) done('never asked');
    }, 100);
  });
  const problem = page.locator('html:not([data-old]) #problem');
  const how = await Promise.race([
    bored,
    end.waitFor({ timeout: 75_000 }).then(async () => {
      if (await page.locator('[data-capture][data-trouble]').count()) return 'given up';
      return (await problem.count()) ? 'refused' : 'let in';
    }),
  ]);
  const guidance = how === 'never asked' ? await page.locator('[data-guidance]').innerText() : null;
  const asked = seen.filter(({ challenge }) => challenge).map(({ challenge, direction }) => direction ?? challenge);
  const prompted = seen.find(({ challenge }) => challenge)?.at;
  const over = seen.find(({ phase }) => phase === 'over')?.at;
  const answer = {
    how,
    at: page.url(),
    said: how === 'refused' ? await problem.innerText() : guidance,
    asked: asked.filter((text, n) => text !== asked[n - 1]),
    took: over - prompted,
    whole: over - seen.at(0)?.at,
    pictures: person.pictures(),
    closed,
    complaints: person.complaints.filter((text) => !text.includes('Failed to load resource')),
  };
  await person.close();
  return answer;
});

/** Somebody between page and server, who sends frames in another order or twice. The page hears of it what the server says. */
function onTheWay(line, tamper, closed) {
  const server = line.connectToServer();
  let sent = 0;
  let held = null;
  let last = null;
  line.onMessage((message) => {
    sent += 1;
    if (sent < FROM || tamper === 'repeat') {
      server.send(message);
      if (sent === FROM) held = message;
    } else if (!held) {
      // The page sends the next one only when this one is answered: with what was said last.
      held = message;
      line.send(last);
    } else {
      server.send(message);
      held = null;
    }
  });
  server.onMessage((message) => {
    last = message;
    if (tamper === 'repeat' && held) {
      server.send(held);
      held = null;
    } else {
      line.send(message);
    }
  });
  server.onClose((code, reason) => {
    if (code) closed.push(code);
    line.close({ code, reason });
  });
}
