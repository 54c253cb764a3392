// The two WebAuthn ceremonies as functions from JSON to JSON, and their errors as names of messages.

export const isSupported = () =>
  Boolean(globalThis.PublicKeyCredential && navigator.credentials?.get && navigator.credentials.create);

/** Whether passkeys can be offered inside the username field's own suggestions. */
export const canAutofill = async () => {
  try {
    return Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());
  } catch {
    return false;
  }
};

/** Asks for an assertion. `mediation` is "conditional" for the field's suggestions. */
export const get = async (json, { signal, mediation } = {}) => {
  const publicKey = requestOptions(unwrap(json));
  const request = mediation ? { publicKey, signal, mediation } : { publicKey, signal };
  return toJson(await navigator.credentials.get(request));
};

/** Makes a credential. */
export const create = async (json, { signal } = {}) =>
  toJson(await navigator.credentials.create({ publicKey: creationOptions(unwrap(json)), signal }));

/** The name of the message that explains `error`; none where the ceremony was called off by the page itself. */
export const messageFor = (error) => {
  switch (error?.name) {
    case "AbortError":
      return null;
    case "NotAllowedError":
      return "refused";
    case "InvalidStateError":
      return "known";
    case "NotSupportedError":
    case "ConstraintError":
      return "unsupported";
    case "SecurityError":
      return "place";
    default:
      return "failed";
  }
};

// Libraries differ in whether the options come bare or under `publicKey`; an absent option may come as null.
const unwrap = (json) => {
  const parsed = JSON.parse(json);
  return withoutNulls(parsed.publicKey ?? parsed);
};

const withoutNulls = (value) => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]));
};

const requestOptions = (options) =>
  PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: options.allowCredentials?.map(descriptor),
  };

const creationOptions = (options) =>
  PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: options.excludeCredentials?.map(descriptor),
  };

const descriptor = (credential) => ({ ...credential, id: bytes(credential.id) });

const toJson = (credential) => JSON.stringify(credential.toJSON ? credential.toJSON() : byHand(credential));

// For browsers that have WebAuthn but not yet its JSON.
const byHand = (credential) => {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  const transports = credential.response.getTransports?.();
  if (transports) response.transports = transports;
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
};

const bytes = (base64url) => {
  const base64 = base64url.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
};

const text = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
