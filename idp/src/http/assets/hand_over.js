// Waits at the desk for what the phone does, and loads the page again when there is something new: it goes on from there.

const { state, poll } = document.querySelector("[data-hand-over]").dataset;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One question, which the server holds until there is an answer, or for a while. */
const ask = async () => {
  const answer = await fetch(`${poll}?since=${state}`, { cache: "no-store" });
  // The login is over, or another browser's: the page says so.
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return null;
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return (await answer.json()).state;
};

let failures = 0;
while (state !== "ended") {
  try {
    const now = await ask();
    failures = 0;
    if (now === state) {
      await pause(1000);
      continue;
    }
    location.replace(location.pathname);
    break;
  } catch {
    // Without a connection, less and less often.
    failures += 1;
    await pause(Math.min(failures, 10) * 1000);
  }
}
