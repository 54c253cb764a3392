// A live capture: sends frames one at a time at the pace that the server asks for, shows its guidance, and
// hands the ceremony over to the page's form when the server has enough.
//
//   POST {base}/frame?nonce=N&seq=K   image/jpeg          K counts from 1 and is never used twice
//   200 { text, ok, captured, needed, done, next_ms, box }
//   409, 410                          the capture is elsewhere or over: the page is loaded again, under a new nonce
//   429, 503                          overloaded: later, as Retry-After says
//   POST {base}                       nonce=N             when `done`

import { CameraProblem, impossible, openCamera } from "./camera.js";
import { Viewfinder } from "./viewfinder.js";

const root = document.querySelector("[data-capture]");
const { base, nonce } = root.dataset;
const view = new Viewfinder(root);

let camera = null;
let turn = new AbortController();
let sequence = 0;

const start = async ({ countdown }) => {
  turn.abort();
  turn = new AbortController();
  const { signal } = turn;
  view.stage();
  view.state = "waiting";
  view.guide(view.phrase("opening"));
  try {
    const opened = await openCamera(view.video);
    if (signal.aborted) return opened.stop();
    camera = opened;
    camera.onLost(() => fail("stopped"));
    view.guide(view.phrase("ready"));
    view.state = "ready";
    if (countdown) await countDown(signal);
    await look(signal);
  } catch (error) {
    if (signal.aborted) return;
    fail(error instanceof CameraProblem ? error.panel : "taken");
  }
};

const stop = () => {
  turn.abort();
  camera?.stop();
  camera = null;
};

const fail = (panel) => {
  stop();
  view.panel(panel, { retry: !HOPELESS.includes(panel) });
  root.dataset.trouble = panel;
};

const countDown = async (signal) => {
  for (let left = COUNT; left > 0; left -= 1) {
    view.countdown(left);
    await pause(COUNT_MS, signal);
  }
  view.countdown(null);
};

/** The loop: a frame, its answer, a pause. Ends by `done`, by a failure, or when the turn is over. */
const look = async (signal) => {
  let captured = 0;
  let failures = 0;
  let gainedAt = performance.now();
  while (!signal.aborted) {
    await whileHidden(signal);
    const frame = await camera.frame();
    if (signal.aborted) return;
    if (!frame) {
      view.guide(view.phrase("covered"));
      continue;
    }
    const answer = await send(frame, signal);
    if (signal.aborted) return;
    switch (answer.kind) {
      case "reply": {
        const reply = answer.reply;
        failures = 0;
        if (reply.captured > captured) gainedAt = performance.now();
        captured = reply.captured;
        show(reply);
        if (reply.done) return finish();
        await pause(between(reply.next_ms), signal);
        break;
      }
      case "busy":
        view.state = "waiting";
        view.guide(view.phrase("busy"));
        await pause(answer.wait ?? backOff(failures), signal);
        failures += 1;
        // What the server could not look at is no fault of the person.
        gainedAt = performance.now();
        break;
      case "lost":
        failures += 1;
        if (failures >= TRIES) return fail("offline");
        view.state = "waiting";
        view.guide(view.phrase("network"));
        await pause(backOff(failures), signal);
        break;
      case "over":
        return restart();
    }
    view.slow(performance.now() - gainedAt > SLOW_MS);
  }
};

const send = async (frame, signal) => {
  sequence += 1;
  const query = new URLSearchParams({ nonce, seq: String(sequence) });
  let response;
  try {
    response = await fetch(`${base}/frame?${query}`, {
      method: "POST",
      headers: { "Content-Type": "image/jpeg" },
      body: frame,
      cache: "no-store",
      credentials: "same-origin",
      // A redirect here is a login page: the attempt is over.
      redirect: "manual",
      signal: AbortSignal.any ? AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) : signal,
    });
    if (response.status === 429 || response.status === 503) return { kind: "busy", wait: retryAfter(response) };
    if (response.ok) return { kind: "reply", reply: await response.json() };
  } catch {
    return { kind: "lost" };
  }
  return { kind: response.status >= 500 ? "lost" : "over" };
};

const show = (reply) => {
  view.state = reply.ok ? "good" : "looking";
  view.guide(reply.text);
  view.progress(reply.needed > 0 ? reply.captured / reply.needed : 0);
  view.outline(reply.ok ? null : reply.box);
};

const finish = () => {
  view.progress(1);
  view.state = "done";
  view.outline(null);
  view.slow(false);
  view.guide(view.phrase("done"));
  camera.freeze();
  forget();
  root.querySelector("[data-finish]").submit();
};

/** Loads the page again for a new nonce, and goes on by itself; not for ever, where that does not help. */
const restart = () => {
  const now = Date.now();
  const recent = restarts()?.filter((at) => now - at < RESTART_WINDOW_MS);
  if (!recent || recent.length >= RESTARTS) {
    forget();
    return fail("expired");
  }
  sessionStorage.setItem(KEY, JSON.stringify({ base, at: [...recent, now] }));
  stop();
  reload();
};

const reload = () => location.replace(location.pathname + location.search);

// When this page last restarted itself; null where the browser keeps nothing, so that it never loads in a circle.
const restarts = () => {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return kept?.base === base ? kept.at : [];
  } catch {
    return null;
  }
};

const forget = () => {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
};

const whileHidden = async (signal) => {
  if (!document.hidden) return;
  view.state = "paused";
  view.guide(view.phrase("paused"));
  camera.on = false;
  await new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { signal, once: true });
    signal.addEventListener("abort", resolve, { once: true });
  });
  if (signal.aborted) return;
  camera.on = true;
  view.state = "looking";
};

const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

const between = (asked) => Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Number(asked) || USUAL_MS));
const backOff = (failures) => Math.min(8000, 500 * 2 ** failures);
const retryAfter = (response) => {
  const seconds = Number(response.headers.get("Retry-After"));
  return seconds > 0 ? Math.min(30, seconds) * 1000 : undefined;
};

// A capture takes a few seconds; after this long without a gain, advice is due.
const SLOW_MS = 12_000;
const COUNT = 3;
const COUNT_MS = 600;
const SHORTEST_MS = 50;
const USUAL_MS = 250;
const LONGEST_MS = 5000;
const ANSWER_MS = 10_000;
const TRIES = 5;
const RESTARTS = 3;
const RESTART_WINDOW_MS = 60_000;
// A page that loads this soon after a restart goes on without being asked: the person had turned the camera on.
const RESUME_MS = 10_000;
const KEY = "whorl-capture";
// Trying again does not help with these.
const HOPELESS = ["insecure", "unsupported"];

root.querySelector("[data-start]").addEventListener("click", () => start({ countdown: true }));
root.querySelector("[data-retry]").addEventListener("click", () => {
  if (root.dataset.trouble === "expired") reload();
  else start({ countdown: true });
});
addEventListener("pagehide", stop);
// Back from the browser's cache the nonce is old.
addEventListener("pageshow", (event) => {
  if (event.persisted) reload();
});

const obstacle = impossible();
if (obstacle) fail(obstacle);
else if (restarts()?.some((at) => Date.now() - at < RESUME_MS)) start({ countdown: false });
else view.panel("start");
