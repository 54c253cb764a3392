// What every page does: puts the focus on a problem, sends a form once, and tells the time as its reader does.

const problem = document.getElementById("problem");
// An input with autofocus is described by the problem box and is read together with it.
if (problem && !document.querySelector("[autofocus]")) problem.focus();

// On the document, so that a form's own listener has spoken first.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // What is downloaded leaves the page as it is, and may be sent again.
  if (event.defaultPrevented || "again" in form.dataset) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});

// Back from the browser's cache, the form can be sent anew.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

// Points in time as the reader's own clock and language have them; without scripts they are in UTC, and say so.
const own = new Intl.DateTimeFormat(document.documentElement.lang, {
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) time.textContent = own.format(at);
}
