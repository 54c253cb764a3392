// What the person sees and hears during a capture: the oval, the ring, the guidance, and one panel at a time.

export class Viewfinder {
  #root;
  #live;
  #lastSpoken = "";
  #lastSpokenAt = -Infinity;
  #pendingSpeech;
  #aloud = false;

  constructor(root) {
    this.#root = root;
    this.#live = root.querySelector("[data-live]");
  }

  get video() {
    return this.#part("video");
  }

  /** "waiting", "ready", "looking", "good", "paused" or "done"; the style follows. */
  set state(state) {
    this.#root.dataset.state = state;
  }

  phrase(name) {
    return this.#part(`[data-phrase="${name}"]`).textContent;
  }

  /** What the server said, in the page's own language. */
  told({ phrase, text }) {
    const own = [...this.#root.querySelectorAll("[data-phrase]")].find((it) => it.dataset.phrase === `say-${phrase}`);
    return own?.textContent ?? text;
  }

  /** Shows one panel in place of everything else, and takes the focus there. */
  panel(name, { retry = false } = {}) {
    this.#hidePanels();
    this.#part("[data-stage]").hidden = true;
    const panel = this.#part(`[data-panel="${name}"]`);
    panel.hidden = false;
    this.#part("[data-retry]").hidden = !retry;
    if (panel.hasAttribute("tabindex")) panel.focus();
    this.#hush();
  }

  /** Shows the mirror. */
  stage() {
    this.#hidePanels();
    this.#part("[data-retry]").hidden = true;
    this.#part("[data-stage]").hidden = false;
    this.progress(0);
    this.outline(null);
    this.countdown(null);
  }

  slow(shown) {
    this.#part('[data-panel="slow"]').hidden = !shown;
  }

  /**
   * Writes the guidance at once; speaks it only when it has stood for a moment, and not too often. What is `asked` is spoken
   * at once: a challenge waits only so long.
   */
  guide(text, { asked = false } = {}) {
    this.#part("[data-guidance]").textContent = text;
    clearTimeout(this.#pendingSpeech);
    if (text === this.#lastSpoken) return;
    if (asked) return this.#speak(text);
    const wait = Math.max(SETTLE_MS, this.#lastSpokenAt + BETWEEN_MS - performance.now());
    this.#pendingSpeech = setTimeout(() => this.#speak(text), wait);
  }

  /** Lets the browser read the guidance aloud, or no more; where it has no voice the button is not there. */
  offerVoice() {
    const button = this.#part("[data-speak]");
    if (!globalThis.speechSynthesis) return;
    // A voice of another language reads what nobody understands. Browsers that say nothing of their voices choose themselves.
    const offer = () => (button.hidden = voices().length > 0 && !voices().some(speaksHere));
    speechSynthesis.addEventListener?.("voiceschanged", offer);
    offer();
    button.addEventListener("click", () => {
      this.#aloud = !this.#aloud;
      button.setAttribute("aria-pressed", String(this.#aloud));
      speechSynthesis.cancel();
      if (this.#aloud) this.#say(this.phrase("aloud"));
    });
  }

  countdown(number) {
    const figure = this.#part("[data-countdown]");
    figure.hidden = number === null;
    figure.textContent = number ?? "";
  }

  /** Fills the ring; `share` is from 0 to 1. */
  progress(share) {
    const filled = Math.round(100 * Math.min(1, Math.max(0, share)));
    this.#root.toggleAttribute("data-filled", filled > 0);
    this.#part("[data-progress]").setAttribute("aria-valuenow", String(filled));
    // Through the object model: a style attribute would be refused by the page's policy.
    this.#part("[data-ring]").style.strokeDasharray = `${filled} 100`;
  }

  /** Marks where the server saw the face: `box` is [x, y, width, height] relative to the frame sent, or null. */
  outline(box) {
    const mark = this.#part("[data-found]");
    const { videoWidth, videoHeight } = this.video;
    if (!box || !videoWidth || !videoHeight) {
      mark.setAttribute("hidden", "");
      return;
    }
    // The square shows the middle of the frame, mirrored.
    const shorter = Math.min(videoWidth, videoHeight);
    const along = (start, extent, side) => ((start * side - (side - shorter) / 2) / shorter) * 100 + extent;
    const width = (box[2] * videoWidth * 100) / shorter;
    const height = (box[3] * videoHeight * 100) / shorter;
    mark.setAttribute("x", String(100 - along(box[0], width, videoWidth)));
    mark.setAttribute("y", String(along(box[1], 0, videoHeight)));
    mark.setAttribute("width", String(width));
    mark.setAttribute("height", String(height));
    mark.removeAttribute("hidden");
  }

  #speak(text) {
    this.#lastSpoken = text;
    this.#lastSpokenAt = performance.now();
    this.#live.textContent = text;
    if (this.#aloud) this.#say(text);
  }

  #say(text) {
    // What is being said is out of date already.
    speechSynthesis.cancel();
    const words = new SpeechSynthesisUtterance(text);
    words.lang = document.documentElement.lang;
    words.voice = voices().find(speaksHere) ?? null;
    speechSynthesis.speak(words);
  }

  #hush() {
    clearTimeout(this.#pendingSpeech);
    globalThis.speechSynthesis?.cancel();
    this.#lastSpoken = "";
    this.#live.textContent = "";
  }

  #hidePanels() {
    for (const panel of this.#root.querySelectorAll("[data-panel]")) panel.hidden = true;
  }

  #part(selector) {
    return this.#root.querySelector(selector);
  }
}

const voices = () => speechSynthesis.getVoices?.() ?? [];
const speaksHere = ({ lang }) => lang.toLowerCase().split(/[-_]/)[0] === document.documentElement.lang;

// Guidance flickers while a face moves: what is spoken has stood this long, and leaves time to act on it.
const SETTLE_MS = 500;
const BETWEEN_MS = 2000;
