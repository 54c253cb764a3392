// How the form is filled in: counts, means and spreads of intervals, and nothing else. Which key it was is known only
// while it is held, to tell when it is let go, and goes nowhere; nor does the place of the pointer.

const form = document.querySelector("form[data-rhythm]");

// Count, mean and spread without keeping what was seen (Welford).
const tally = () => ({ count: 0, mean: 0, squares: 0 });
const add = (to, value) => {
  to.count += 1;
  const off = value - to.mean;
  to.mean += off / to.count;
  to.squares += off * (value - to.mean);
};
const told = (name, of) => {
  const spread = of.count > 1 ? Math.sqrt(of.squares / (of.count - 1)) : 0;
  return `${name}:${of.count},${Math.round(of.mean)},${Math.round(spread)}`;
};

const [hold, flight, pointer] = [tally(), tally(), tally()];
const began = performance.now();
const down = new Map();
let lastDown, lastMove;

form.addEventListener("keydown", (event) => {
  if (event.repeat || !event.isTrusted) return;
  const now = performance.now();
  if (lastDown !== undefined && now - lastDown < 5000) add(flight, now - lastDown);
  lastDown = now;
  if (down.size < 16) down.set(event.code, now);
});
form.addEventListener("keyup", (event) => {
  const since = down.get(event.code);
  if (since === undefined) return;
  down.delete(event.code);
  add(hold, performance.now() - since);
});
document.addEventListener("pointermove", (event) => {
  const move = { at: performance.now(), x: event.clientX, y: event.clientY };
  const took = lastMove ? move.at - lastMove.at : 0;
  if (took > 0 && took < 200) {
    add(pointer, (1000 * Math.hypot(move.x - lastMove.x, move.y - lastMove.y)) / took);
  }
  lastMove = move;
});

// How long the way is: the server's time, sent back at once.
let trip = "";
const ask = async (address) => {
  const answer = await fetch(address, { cache: "no-store", credentials: "same-origin" });
  return answer.ok ? answer.text() : "";
};
ask(form.dataset.rhythm)
  .then((time) => time && ask(`${form.dataset.rhythm}?of=${encodeURIComponent(time)}`))
  .then((measured) => (trip = measured))
  .catch(() => {});

form.addEventListener("submit", () => {
  const time = tally();
  add(time, performance.now() - began);
  const parts = [told("hold", hold), told("flight", flight), told("pointer", pointer), told("time", time)];
  form.elements.rhythm.value = parts.join(";");
  form.elements.trip.value = trip;
});
