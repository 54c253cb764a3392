// Password fields: shown on request, with advice about length, compared with their repetition.

const byId = (id) => document.getElementById(id);

for (const button of document.querySelectorAll("[data-reveal]")) {
  const inputs = button.dataset.reveal.split(" ").map(byId);
  const show = (shown) => {
    for (const input of inputs) input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.hidden = false;
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
  // A browser offers to save only what is sent as a password.
  button.form.addEventListener("submit", () => show(false));
}

for (const input of document.querySelectorAll("[data-strength]")) {
  const box = byId(input.dataset.strength);
  const meter = box.querySelector("meter");
  const minimum = Number(box.dataset.minimum);
  input.addEventListener("input", () => {
    const length = [...input.value].length;
    const verdict = length < minimum ? "short" : length < meter.high ? "fair" : "good";
    box.hidden = length === 0;
    meter.value = length;
    for (const line of box.querySelectorAll("[data-say]")) line.hidden = line.dataset.say !== verdict;
  });
}

for (const again of document.querySelectorAll("[data-same-as]")) {
  const first = byId(again.dataset.sameAs);
  const notice = document.querySelector("[data-mismatch]");
  const compare = () => {
    const differs = again.value !== first.value;
    // While the repetition is a beginning of the first, the person is still typing.
    notice.hidden = !differs || first.value.startsWith(again.value);
    again.setCustomValidity(differs ? notice.textContent : "");
  };
  first.addEventListener("input", compare);
  again.addEventListener("input", compare);
  again.addEventListener("change", () => (notice.hidden = again.value === first.value));
}
