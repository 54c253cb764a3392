// Keys by which this browser is known again: made where the person wants it, kept in IndexedDB, and never to be read by
// anybody, this page neither. A form of the login carries signatures of all that are here; the server knows whose they are.

const { device: nonce, attempt } = document.querySelector("[data-device]").dataset;
const forms = [...document.querySelectorAll("main form[method=post]")];
const wish = document.querySelector("[data-trust]");
const recognise = document.querySelector("form[data-recognise]");
const algorithm = { name: "ECDSA", namedCurve: "P-256" };
// As many as the server looks at, and as long as anybody waits for them.
const most = 16;
const patience = 3000;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const open = async () => {
  const request = indexedDB.open("whorl", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("devices", { keyPath: "kid" });
  return done(request);
};

const store = async (mode) => (await open()).transaction("devices", mode).objectStore("devices");

/** All that are kept, the latest first. */
const kept = async () => {
  const keys = await done((await store("readonly")).getAll());
  return keys.sort((one, other) => other.at - one.at);
};

const encode = (bytes) =>
  btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const text = (value) => encode(new TextEncoder().encode(JSON.stringify(value)));

const sign = async (key, header, claims) => {
  const signed = `${text({ alg: "ES256", ...header })}.${text({ aud: location.origin, attempt, ...claims })}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, new TextEncoder().encode(signed));
  return `${signed}.${encode(signature)}`;
};

const carry = (name, value) => {
  for (const form of forms) {
    const input = form.elements.namedItem(name) ?? form.appendChild(document.createElement("input"));
    Object.assign(input, { type: "hidden", name, value });
  }
};

/** Makes a key and offers its public half (the name of it is RFC 7638's, so that both sides know it). */
const make = async () => {
  const pair = await crypto.subtle.generateKey(algorithm, false, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const canonical = new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }));
  const kid = encode(await crypto.subtle.digest("SHA-256", canonical));
  const old = (await kept()).slice(most - 1);
  for (const { kid } of old) await done((await store("readwrite")).delete(kid));
  await done((await store("readwrite")).put({ kid, key: pair.privateKey, at: Date.now() }));
  return sign(pair.privateKey, { typ: "whorl-device-offer+jwt", jwk: { kty, crv, x, y } }, {});
};

const show = async () => {
  const latest = (await kept()).slice(0, most);
  const proofs = latest.map(({ kid, key }) => sign(key, { typ: "whorl-device+jwt", kid }, { nonce }));
  if (proofs.length) carry("device", (await Promise.all(proofs)).join(" "));
};

// Whoever is fast does not get ahead of the signatures, and whoever's browser is slow is not held up for long.
let underWay = 0;
const during = async (work) => {
  underWay += 1;
  const late = new Promise((resolve) => setTimeout(resolve, patience));
  await Promise.race([work.catch(() => {}), late]);
  underWay -= 1;
  document.dispatchEvent(new Event("whorl-signed"));
};
for (const form of forms) {
  form.addEventListener("submit", (event) => {
    if (!underWay) return;
    event.preventDefault();
    const again = () => {
      if (underWay) return;
      document.removeEventListener("whorl-signed", again);
      form.requestSubmit(event.submitter);
    };
    document.addEventListener("whorl-signed", again);
  });
}

// Without these, or where the browser keeps nothing, the login goes on as it ever does.
if (globalThis.indexedDB && globalThis.crypto?.subtle) {
  if (nonce) during(show());
  if (wish) {
    const box = wish.querySelector("input");
    wish.hidden = false;
    let offer;
    box.addEventListener("change", () => {
      if (!box.checked) return carry("offer", "");
      const offered = async () => {
        offer ??= make();
        const made = await offer;
        if (box.checked) carry("offer", made);
      };
      const failed = () => {
        box.checked = false;
        wish.hidden = true;
      };
      during(offered().catch(failed));
    });
  }
}
if (recognise) {
  const go = () => recognise.requestSubmit();
  if (underWay) document.addEventListener("whorl-signed", go, { once: true });
  else go();
}
