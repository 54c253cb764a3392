// What a capture asks for, as the whole screen shows it: its colours, the dot, the arrows.
//
// The server numbers what it shows. A frame says which number stood on the screen when it was taken: it counts as standing
// there once the browser has painted it.

export class Stage {
  #root;
  #field;
  #dot;
  #cue = 0;
  #wanted = 0;
  #coloured = -Infinity;
  #waiting;

  constructor(root) {
    this.#root = root;
    this.#field = root.querySelector("[data-field]");
    this.#dot = root.querySelector("[data-dot]");
  }

  /** The number of what stands on the screen now. */
  get cue() {
    return this.#cue;
  }

  /** Shows what the server asks for: a colour that would follow the last one too fast waits (WCAG 2.2, 2.3.1). */
  show(shown) {
    if (shown.cue === this.#wanted) return;
    this.#wanted = shown.cue;
    clearTimeout(this.#waiting);
    const soon = this.#coloured + LEAST_MS - performance.now();
    const changes = (shown.colour ?? "") !== (this.#root.dataset.colour ?? "");
    if (changes && soon > 0) this.#waiting = setTimeout(() => this.#put(shown), soon);
    else this.#put(shown);
  }

  /** Back to the page as it usually is. */
  clear() {
    clearTimeout(this.#waiting);
    this.#put({ cue: 0 });
    this.#cue = this.#wanted = 0;
  }

  #put({ cue, challenge, direction, colour, dot }) {
    const data = this.#root.dataset;
    if ((colour ?? "") !== (data.colour ?? "")) this.#coloured = performance.now();
    set(data, "challenge", challenge);
    set(data, "direction", direction);
    set(data, "colour", colour);
    set(data, "dot", dot && dot.join(" "));
    this.#field.style.backgroundColor = colour ?? "";
    this.#field.hidden = !colour && !dot;
    this.#dot.hidden = !dot;
    if (dot) {
      this.#dot.style.left = `${50 + REACH * dot[0]}%`;
      this.#dot.style.top = `${50 + REACH * dot[1]}%`;
    }
    // The second callback runs after the first one's paint.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (this.#wanted !== cue) return;
        this.#cue = cue;
        data.cue = String(cue);
      }),
    );
  }
}

const set = (data, name, value) => {
  if (value) data[name] = value;
  else delete data[name];
};

// From the middle of the screen to the dot, per cent of its sides.
const REACH = 42;
// Between two colours: a little less than a third of a second, for what timers and the network take.
const LEAST_MS = 300;
