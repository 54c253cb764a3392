// What every page does: puts the focus on a problem, and sends a form once.

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
