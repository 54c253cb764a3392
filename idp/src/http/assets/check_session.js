// Answers "<client_id> <session_state>" with "unchanged", "changed" or "error" (OpenID Connect Session Management 1.0 §3.2).

const name = document.body.dataset.cookie;

const browserState = () => {
  const pair = document.cookie.split("; ").find((it) => it.startsWith(name + "="));
  return pair ? pair.slice(name.length + 1) : "";
};

const answer = async (message, origin) => {
  const at = message.lastIndexOf(" ");
  const [client, state] = [message.slice(0, at), message.slice(at + 1)];
  const [hash, salt, ...rest] = state.split(".");
  if (at < 1 || !hash || !salt || rest.length) return "error";
  const text = new TextEncoder().encode(`${client} ${origin} ${browserState()} ${salt}`);
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  const computed = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return computed === hash ? "unchanged" : "changed";
};

addEventListener("message", async (event) => {
  if (typeof event.data !== "string" || !event.source) return;
  const said = await answer(event.data, event.origin).catch(() => "error");
  event.source.postMessage(said, event.origin);
});
