// The line to the server during a capture: a key of this page's own, which nobody can take out of it, signs every message;
// they go over a WebSocket, or by POST where that does not open. The layout is that of `capture/message.rs`.
//
//   GET  {base}/socket?nonce=N   WebSocket     binary out, JSON in: { type: "step", … } or { type: "busy", next_ms }
//   POST {base}/frame?nonce=N    the same messages, one a request, and the same JSON back
//
// One message is under way at a time: the server ends a capture that does not wait for its answers.

/** Why there is no line: "over" (load the page anew) or "lost" (the network). */
export class LineEnded extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

/** Opens the line of a capture; answers it with the server's first word. Throws a LineEnded. */
export const openLine = async ({ base, nonce }) => {
  const signer = await Signer.make(nonce);
  const hello = await signer.hello();
  let line;
  try {
    line = await Socket.open(base, nonce);
  } catch {
    line = new Posts(base, nonce);
  }
  return { line: new Line(line, signer), first: await line.ask(hello) };
};

class Line {
  #carrier;
  #signer;

  constructor(carrier, signer) {
    this.#carrier = carrier;
    this.#signer = signer;
  }

  /** "websocket" or "post". */
  get kind() {
    return this.#carrier.kind;
  }

  /** Sends a frame and answers what the server says. Throws a LineEnded. */
  async frame({ jpeg, takenAt, cue }) {
    return this.#carrier.ask(await this.#signer.frame({ jpeg, takenAt, cue }));
  }

  close() {
    this.#carrier.close();
  }
}

/** Signs each statement with the digest of the one before, so that none can be left out, repeated or moved. */
class Signer {
  #keys;
  #nonce;
  #last;
  #sequence = 0;

  static async make(nonce) {
    const signer = new Signer();
    signer.#nonce = new TextEncoder().encode(nonce);
    signer.#keys = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
    return signer;
  }

  async hello() {
    const key = new Uint8Array(await crypto.subtle.exportKey("raw", this.#keys.publicKey));
    const statement = this.#statement("whorl capture 1 hello\0", key);
    this.#last = await digest(statement);
    return joined(Uint8Array.of(1, 1), key, await this.#sign(statement));
  }

  async frame({ jpeg, takenAt, cue }) {
    this.#sequence += 1;
    const head = new DataView(new ArrayBuffer(16));
    head.setUint32(0, this.#sequence);
    head.setBigUint64(4, BigInt(Math.round(takenAt * 1000)));
    head.setUint32(12, cue);
    const said = new Uint8Array(head.buffer);
    const statement = this.#statement("whorl capture 1 frame\0", this.#last, said, await digest(jpeg));
    this.#last = await digest(statement);
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, jpeg.length);
    return joined(Uint8Array.of(1, 2), said, new Uint8Array(length.buffer), await this.#sign(statement), jpeg);
  }

  #statement(label, ...parts) {
    return joined(new TextEncoder().encode(label), Uint8Array.of(this.#nonce.length), this.#nonce, ...parts);
  }

  async #sign(statement) {
    return new Uint8Array(await crypto.subtle.sign(SIGNATURE, this.#keys.privateKey, statement));
  }
}

class Socket {
  kind = "websocket";
  #socket;
  #waiting = null;
  #ended = null;

  static open(base, nonce) {
    const url = new URL(`${base}/socket?${new URLSearchParams({ nonce })}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const carrier = new Socket();
    return new Promise((resolve, reject) => {
      if (isLate()) return reject();
      const socket = new WebSocket(url);
      // One that opened later would hold the capture. What the server had opened ends with it; on the page that is loaded
      // then, messages go by POST from the first one on.
      const late = setTimeout(() => (remember(), socket.close(), reject()), OPEN_MS);
      // Before it was open, this is why it is not: then messages go by POST.
      const failed = () => (clearTimeout(late), reject());
      socket.binaryType = "arraybuffer";
      socket.addEventListener("open", () => (clearTimeout(late), resolve(carrier)));
      socket.addEventListener("error", failed);
      socket.addEventListener("close", (event) => (failed(), carrier.#end(event.code)));
      socket.addEventListener("message", (event) => carrier.#hear(event.data));
      carrier.#socket = socket;
    });
  }

  ask(message) {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#end(LOST), ANSWER_MS);
      const settle = (act) => (value) => (clearTimeout(late), (this.#waiting = null), act(value));
      this.#waiting = { resolve: settle(resolve), reject: settle(reject) };
      this.#socket.send(message);
    });
  }

  close() {
    this.#socket.close(1000);
  }

  #hear(text) {
    this.#waiting?.resolve(JSON.parse(text));
  }

  #end(code) {
    // What the server closed with a word of its own is over; anything else was the network.
    this.#ended ??= new LineEnded(code >= 4000 && code !== LOST ? "over" : "lost");
    this.#waiting?.reject(this.#ended);
    this.#socket.close();
  }
}

class Posts {
  kind = "post";
  #url;

  constructor(base, nonce) {
    this.#url = `${base}/frame?${new URLSearchParams({ nonce })}`;
  }

  async ask(message) {
    let response;
    try {
      response = await fetch(this.#url, {
        method: "POST",
        headers: { "Content-Type": "application/vnd.whorl.capture" },
        body: message,
        cache: "no-store",
        credentials: "same-origin",
        // A redirect here is a login page: the attempt is over.
        redirect: "manual",
        signal: AbortSignal.timeout?.(ANSWER_MS),
      });
      if (response.ok) return await response.json();
    } catch {
      throw new LineEnded("lost");
    }
    throw new LineEnded(response.status >= 500 || response.status === 429 ? "lost" : "over");
  }

  close() {}
}

// Whether a socket of this tab came too late before; never where the browser keeps nothing.
const isLate = () => {
  try {
    return sessionStorage.getItem(LATE) !== null;
  } catch {
    return false;
  }
};

const remember = () => {
  try {
    sessionStorage.setItem(LATE, "yes");
  } catch {
    // It is tried again.
  }
};

const joined = (...parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

const digest = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
const OPEN_MS = 4000;
const LATE = "whorl-capture-late";
const ANSWER_MS = 10_000;
const LOST = 4999;
