// A form that is filled by a passkey: on a button, by itself (`data-auto`), or from the suggestions of
// the username field (`data-autofill`). Only one ceremony can be under way, so the button calls off the rest.

import { canAutofill, create, get, isSupported, messageFor } from "./webauthn.js";

const form = document.querySelector("[data-passkey]");
const makes = form.dataset.passkey === "create";
const button = form.querySelector("[data-start]");
let underWay = new AbortController();

const say = (name) => {
  for (const message of form.querySelectorAll("[data-message]")) message.hidden = message.dataset.message !== name;
};

const send = (credential) => {
  form.elements.namedItem("credential").value = credential;
  form.submit();
};

const begin = () => {
  underWay.abort();
  underWay = new AbortController();
  return underWay.signal;
};

const ask = async () => {
  const signal = begin();
  say("waiting");
  button.setAttribute("aria-busy", "true");
  try {
    const ceremony = makes ? create : get;
    send(await ceremony(form.dataset.options, { signal }));
  } catch (error) {
    const message = messageFor(error);
    // A later ceremony has taken over where there is no message; it speaks for itself.
    if (message) {
      button.removeAttribute("aria-busy");
      say(message);
      suggest();
    }
  }
};

const suggest = async () => {
  if (!("autofill" in form.dataset) || !(await canAutofill())) return;
  const signal = begin();
  try {
    send(await get(form.dataset.options, { signal, mediation: "conditional" }));
  } catch (error) {
    // Nobody asked for these suggestions; the button and the field remain. The one exception is a passkey
    // that was chosen and then failed.
    if (messageFor(error) === "failed") say("failed");
  }
};

form.hidden = false;
if (!isSupported()) {
  // Where a passkey is one way among others it is not offered; where it is the step, the page says why not.
  if ("autofill" in form.dataset) form.hidden = true;
  else say("unsupported");
  button.hidden = true;
} else if (makes) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
} else {
  button.addEventListener("click", ask);
  if ("auto" in form.dataset) ask();
  else suggest();
}

addEventListener("pagehide", () => underWay.abort());
// After the browser's Back button a challenge is spent: only a fresh page helps.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.replace(location.pathname + location.search);
});
