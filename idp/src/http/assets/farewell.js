// Goes on when every application has heard of the end of the session, or when one takes too long; without this
// there is a button.

const next = document.querySelector("[data-next]");
if (next) {
  const go = () => location.replace(next.href);
  if (document.readyState === "complete") go();
  else window.addEventListener("load", go);
  setTimeout(go, 4000);
}
