// A live capture: frames go out one at a time at the pace that the server asks for, its guidance and its challenges come
// back, and the page's form ends the ceremony when the server has enough. What is said over the line is in link.js.
//
//   { type: "step", guidance, phrase, text, good, phase, step, steps, progress, shown, next_ms, box }
//     phase   "framing", "challenge", "over"                 when it is over, POST {base} with nonce=N
//     shown   { cue, challenge, direction, colour, dot }     what the screen should show, and its number
//   { type: "busy", next_ms }                                nothing was looked at: later
//
// Whatever else ends the line, the page is loaded again, under a new nonce and with new challenges.

import { CameraProblem, impossible, openCamera } from "./camera.js";
import { LineEnded, openLine } from "./link.js";
import { Stage } from "./stage.js";
import { Viewfinder } from "./viewfinder.js";

const root = document.querySelector("[data-capture]");
const { base, nonce } = root.dataset;
const view = new Viewfinder(root);
const stage = new Stage(root);

let camera = null;
let line = null;
let turn = new AbortController();

const start = async ({ countdown }) => {
  // One nonce is one capture: a second try is another one.
  if (line) return reload();
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
    const [opening] = await Promise.all([openLine({ base, nonce }), countdown && countDown(signal)]);
    line = opening.line;
    root.dataset.line = line.kind;
    if (signal.aborted) return line.close();
    stage.show(opening.first.shown);
    await look(signal);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof CameraProblem) fail(error.panel);
    else if (error instanceof LineEnded) restart(error.kind === "lost" ? "offline" : "expired");
    else throw error;
  }
};

const stop = () => {
  turn.abort();
  stage.clear();
  camera?.stop();
  camera = null;
  line?.close();
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

/** The loop: a frame, its answer, a pause. Ends when the server has enough, by a failure, or when the turn is over. */
const look = async (signal) => {
  let progress = 0;
  let gainedAt = performance.now();
  while (!signal.aborted) {
    await whileHidden(signal);
    const frame = await camera.frame(() => stage.cue);
    if (signal.aborted) return;
    if (!frame) {
      view.guide(view.phrase("covered"));
      continue;
    }
    const said = await line.frame(frame);
    if (signal.aborted) return;
    if (said.type === "busy") {
      view.state = "waiting";
      view.guide(view.phrase("busy"));
      // What the server could not look at is no fault of the person.
      gainedAt = performance.now();
    } else {
      if (said.progress > progress) gainedAt = performance.now();
      progress = said.progress;
      show(said);
      if (said.phase === "over") return finish();
    }
    await pause(between(said.next_ms), signal);
    view.slow(performance.now() - gainedAt > SLOW_MS);
  }
};

const show = (said) => {
  view.state = said.good ? "good" : "looking";
  view.guide(view.told(said), { asked: said.phase === "challenge" });
  view.progress(said.progress);
  view.outline(said.phase === "framing" && !said.good ? said.box : null);
  stage.show(said.shown);
  root.dataset.phase = said.phase;
};

const finish = () => {
  stage.clear();
  view.progress(1);
  view.state = "done";
  view.outline(null);
  view.slow(false);
  view.guide(view.phrase("done"), { asked: true });
  camera.freeze();
  line.close();
  forget();
  root.querySelector("[data-finish]").submit();
};

/** Loads the page again for a new nonce, and goes on by itself; not for ever, where that does not help. */
const restart = (panel) => {
  const now = Date.now();
  const recent = restarts()?.filter((at) => now - at < RESTART_WINDOW_MS);
  if (!recent || recent.length >= RESTARTS) {
    forget();
    return fail(panel);
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

const between = (asked) => Math.min(LONGEST_MS, Math.max(0, Number(asked) || 0));

// A capture takes a few seconds; after this long without a gain, advice is due.
const SLOW_MS = 12_000;
const COUNT = 3;
const COUNT_MS = 300;
const LONGEST_MS = 5000;
const RESTARTS = 3;
const RESTART_WINDOW_MS = 60_000;
// A page that loads this soon after a restart goes on without being asked: the person had turned the camera on.
const RESUME_MS = 10_000;
const KEY = "whorl-capture";
// Trying again does not help with these.
const HOPELESS = ["insecure", "unsupported"];

for (const button of root.querySelectorAll("[data-start]")) {
  button.addEventListener("click", () => start({ countdown: true }));
}
root.querySelector("[data-retry]").addEventListener("click", () => start({ countdown: true }));
for (const button of root.querySelectorAll("[data-calm]")) {
  button.addEventListener("click", () => view.panel("calm"));
}
addEventListener("pagehide", stop);
// Back from the browser's cache the nonce is old.
addEventListener("pageshow", (event) => {
  if (event.persisted) reload();
});
view.offerVoice();

const obstacle = impossible();
if (obstacle) fail(obstacle);
else if (restarts()?.some((at) => Date.now() - at < RESUME_MS)) start({ countdown: false });
else view.panel(matchMedia("(prefers-reduced-motion: reduce)").matches ? "calm" : "start");
