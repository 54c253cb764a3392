// What every browser scenario shares: Chromium with a film for a camera and a virtual authenticator, screenshots
// of each page at two widths, and the arguments and the answer that pass between a script and its Rust test.
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const { chromium } = await import(process.env.WHORL_PLAYWRIGHT ?? 'playwright-core');

/** Widths at which a page is looked at: a phone and a desktop. */
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };

/**
 * Runs a scenario: reads its arguments from standard input, prints its result as the last line.
 * @param {(args: any) => Promise<any>} body
 */
export async function scenario(body) {
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  try {
    const result = await body(JSON.parse(text || '{}'));
    process.stdout.write(`\n${JSON.stringify(result ?? null)}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error?.stack ?? error}\n`);
    process.exit(1);
  }
}

/**
 * A browser of one person. The film is fixed at launch: one launch a person.
 * With `actor`, the address of a camera of the test process, the page's camera is somebody who sees the page and answers it.
 * @param {{film?: string, actor?: string, screenshots?: string, scheme?: 'light' | 'dark', locale?: string, scripts?: boolean,
 *   agent?: string, way?: string, calm?: boolean}} options with `way`, a host and port, and where they are instead; with
 *   `calm`, the system asks for less motion
 */
export async function launch({ film, actor, screenshots, scheme = 'light', locale = 'en-GB', scripts = true, agent, way, calm } = {}) {
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream'];
  if (way) args.push(`--host-resolver-rules=MAP ${way}`);
  if (film) args.push('--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`);
  const browser = await chromium.launch({ executablePath: process.env.WHORL_CHROMIUM, args });
  const context = await browser.newContext({
    viewport: sizes.desktop,
    colorScheme: scheme,
    reducedMotion: calm ? 'reduce' : 'no-preference',
    javaScriptEnabled: scripts,
    locale,
    ...(agent ? { userAgent: agent } : {}),
    permissions: film || actor ? ['camera'] : [],
  });
  const filmed = actor && (await seenBy(context, actor));
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A refused script or style is a broken page, however it looks.
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  if (screenshots) mkdirSync(screenshots, { recursive: true });
  let shots = 0;

  return {
    browser,
    context,
    page,
    /** What the pages complained of: uncaught errors, and errors in the console. */
    complaints,
    /** Pictures that the actor's camera took. */
    pictures: () => (filmed ? filmed.pictures : 0),
    /** Keeps a picture of the page at both widths, where pictures are wanted, and fails where it is wider than its window. */
    async shot(name) {
      if (!screenshots) return;
      const number = String(++shots).padStart(2, '0');
      for (const [size, viewport] of Object.entries(sizes)) {
        await page.setViewportSize(viewport);
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        expect(wide <= room, `${name} fits its window on a ${size}, but it is ${wide} of ${room} pixels wide`);
        const file = path.join(screenshots, `${number}-${name}-${size}.png`);
        await page.screenshot({ path: file, fullPage: true });
      }
      await page.setViewportSize(sizes.desktop);
    },
    close: () => browser.close(),
  };
}

/**
 * A way to a loopback server on which a WebSocket is refused, as by a proxy that does not know them; all else goes through.
 * For `launch`.
 */
export async function wayTo(url) {
  const { hostname, port } = new URL(url);
  const way = net.createServer((page) => {
    const server = net.connect(Number(port), '127.0.0.1');
    const both = [page, server];
    for (const side of both) {
      side.on('error', () => {});
      side.on('close', () => both.forEach((other) => other.destroy()));
    }
    page.once('data', (first) => {
      const upgrades = /\r\nupgrade: websocket\r\n/i.test(first.toString('latin1'));
      if (upgrades) return page.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      server.write(first);
      page.pipe(server).pipe(page);
    });
  });
  await new Promise((listening) => way.listen(0, '127.0.0.1', listening));
  return `${hostname}:${port} 127.0.0.1:${way.address().port}`;
}

/** Puts a canvas in the camera's place, on which the actor's pictures come while it is told what the page shows. */
async function seenBy(context, actor) {
  const film = { pictures: 0 };
  await context.exposeBinding('whorlActor', async (_, screen) => {
    const response = await fetch(actor, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(screen),
    });
    film.pictures += 1;
    return Buffer.from(await response.arrayBuffer()).toString('base64');
  });
  await context.addInitScript(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [640, 480];
    const surface = canvas.getContext('2d');
    const look = () => {
      const root = document.querySelector('[data-capture]');
      const field = document.querySelector('[data-field]');
      const { challenge, direction, dot } = root?.dataset ?? {};
      // What is painted, and not what the page was told to paint.
      const colour = field && !field.hidden && root.dataset.colour ? getComputedStyle(field).backgroundColor : undefined;
      return { challenge, direction, colour, dot: dot?.split(' ').map(Number) };
    };
    // A picture is taken when the page waits for the next one, of what it shows then: however slow the machine is, it is no
    // older than it was rendered for, and none is rendered that nobody looks at.
    let taken = Promise.resolve();
    const take = () => (taken = taken.then(draw, draw));
    const draw = async () => {
      const text = atob(await globalThis.whorlActor(look()));
      const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      surface.drawImage(await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' })), 0, 0);
    };
    if (!globalThis.MediaDevices) return;
    // A video plays once pictures come, and on a busy machine one may be lost on its way there: it comes until it is seen.
    let sending;
    const send = () => {
      clearInterval(sending);
      sending = setInterval(() => surface.drawImage(canvas, 0, 0), 100);
    };
    MediaDevices.prototype.getUserMedia = async () => {
      await take();
      const stream = canvas.captureStream();
      send();
      return stream;
    };
    const video = HTMLVideoElement.prototype;
    const { requestVideoFrameCallback: ask, cancelVideoFrameCallback: cancel } = video;
    const asked = new Map();
    let last = 0;
    video.requestVideoFrameCallback = function (callback) {
      clearInterval(sending);
      const id = (last += 1);
      asked.set(id, null);
      const next = () => {
        if (!asked.has(id)) return;
        send();
        const seen = (...said) => {
          clearInterval(sending);
          if (asked.delete(id)) callback(...said);
        };
        asked.set(id, ask.call(this, seen));
      };
      take().then(next, next);
      return id;
    };
    video.cancelVideoFrameCallback = function (id) {
      const real = asked.get(id);
      asked.delete(id);
      if (real) cancel.call(this, real);
    };
  });
  return film;
}

/**
 * A platform authenticator that verifies its user and keeps discoverable credentials.
 * @returns what can be asked of it: its credentials, and whether it recognises its user
 */
export async function authenticator(page, more = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...more,
    },
  });
  return {
    async credentials() {
      return (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
    },
    async recognises(isUserVerified) {
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    /** Whether its user touches it when it asks; it answers a username field's suggestions by itself where one does. */
    async touched(enabled) {
      await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
    },
    /** Changes what it says of a credential: whether it can be copied, and whether it was. */
    async says(credentialId, properties) {
      await cdp.send('WebAuthn.setCredentialProperties', { authenticatorId, credentialId, ...properties });
    },
    /** Puts a copy of a credential in its place. */
    async copied(credential, changes) {
      const { credentialId } = credential;
      await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId }).catch(() => {});
      await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, ...changes } });
    },
    remove: () => cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }),
  };
}

const wcag = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** Dark is a change of colours and of nothing else. */
const dark = { type: 'rule', values: ['color-contrast'] };
/** By width: what axe looks at in which scheme. What is narrow is laid out anew: targets, what scrolls, what is hidden. */
const full = [
  [320, { light: { type: 'tag', values: wcag } }],
  [640, { dark, light: { type: 'tag', values: [...wcag, 'best-practice'] } }],
];
/** Where many pages are to be seen in a short time. */
export const narrow = [[320, { dark, light: { type: 'tag', values: wcag } }]];

/**
 * Holds a page against WCAG 2.2 AA as far as a program can tell, in light and in dark, and against its being wider than a
 * window of 320 pixels, or of 640, which is 1280 at 200 % zoom (WCAG 1.4.4, 1.4.10).
 * @returns what is wrong with it, a line each
 */
export async function judge(page, { name, axe, passes = full }) {
  const found = [];
  const before = page.viewportSize();
  // By the debugger, which no policy of the page's holds up.
  await page.evaluate(axe);
  for (const [width, schemes] of passes) {
    await page.setViewportSize({ width, height: 800 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) found.push(`${name} is ${wide} pixels wide in a window of ${width}`);
    for (const [colorScheme, runOnly] of Object.entries(schemes)) {
      // Without the colours on the way from one to the other.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const { violations } = await page.evaluate((only) => globalThis.axe.run(document, { runOnly: only }), runOnly);
      for (const { id, help, nodes } of violations) {
        const where = nodes.map((node) => node.html.slice(0, 120)).join(' | ');
        found.push(`${name} (${colorScheme}, ${width}): ${id}, ${help}: ${where}`);
      }
    }
  }
  await page.setViewportSize(before);
  return found;
}

/** Fails with a sentence. */
export function expect(condition, sentence) {
  if (!condition) throw new Error(`expected: ${sentence}`);
}
