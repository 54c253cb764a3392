// `openid-client` 6 as the relying party: it validates everything that it gets, and throws where it is not right.

import { Browser, answer, input, installed } from "./browser.mjs";

const client = await installed("openid-client");
const { issuer, person, client: known } = await input();
const callback = "https://localhost:1/callback";
const ran = [];

const plain = await client.discovery(new URL(issuer), known.client_id, known.client_secret, client.ClientSecretBasic(known.client_secret), {
  execute: [client.allowInsecureRequests],
});
const server = plain.serverMetadata();
const registers = Boolean(server.registration_endpoint);

/** A client of that metadata; where nobody may register, the one that the test knows. */
const register = async (metadata = {}, authentication = undefined) => {
  if (!registers && Object.keys(metadata).length === 0) return plain;
  return client.dynamicClientRegistration(
    new URL(issuer),
    { redirect_uris: [callback], scope: "openid profile email offline_access", ...metadata },
    // Left to itself it posts the secret, whatever method the provider wrote into the registration.
    authentication ?? (metadata.token_endpoint_auth_method === "client_secret_post" ? client.ClientSecretPost() : client.ClientSecretBasic()),
    { execute: [client.allowInsecureRequests] },
  );
};

const jwk = async (algorithm) => {
  const pair = await client.randomDPoPKeyPair(algorithm, { extractable: true });
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { pair, key: { kty, crv, x, y, n, e, kid: "k1", use: "sig", alg: algorithm } };
};

/** One login by code: the token response, validated. */
async function code(config, more = {}, checks = {}, options = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const parameters = {
    redirect_uri: callback,
    scope: "openid profile email",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...more,
  };
  const url = checks.pushed
    ? await client.buildAuthorizationUrlWithPAR(config, parameters, options)
    : checks.signed
      ? await client.buildAuthorizationUrlWithJAR(config, parameters, checks.signed)
      : client.buildAuthorizationUrl(config, parameters);
  const back = await new Browser(person).login(url.href, callback);
  const current = back.body
    ? new Request(callback, { method: "POST", body: back.body })
    : back.url;
  return client.authorizationCodeGrant(
    config,
    current,
    { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
    undefined,
    options,
  );
}

async function step(name, work) {
  try {
    await work();
    ran.push(name);
  } catch (error) {
    const cause = error.cause?.error_description ?? error.cause?.message ?? JSON.stringify(error.cause ?? null);
    throw new Error(`${name}: ${error.code ?? ""} ${error.message} (${error.error ?? ""} ${error.error_description ?? ""} ${cause})`);
  }
}

await step("code", async () => {
  const config = await register();
  const tokens = await code(config);
  const claims = tokens.claims();
  if (claims.amr[0] !== "pwd" || !claims.acr || !claims.amr_times.pwd) throw new Error(JSON.stringify(claims));
  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  if (info.preferred_username !== "alice" || info.email_verified !== true) throw new Error(JSON.stringify(info));
  await client.tokenRevocation(config, tokens.access_token);
});

await step("refresh", async () => {
  const config = await register();
  const first = await code(config, { scope: "openid offline_access", prompt: "consent" });
  const second = await client.refreshTokenGrant(config, first.refresh_token);
  if (second.claims()?.sub !== first.claims().sub) throw new Error("another subject");
});

await step("form_post", async () => {
  await code(await register(), { response_mode: "form_post" });
});

await step("max_age and acr_values", async () => {
  const config = await register();
  const tokens = await code(config, { max_age: "0", acr_values: "urn:whorl:acr:password" });
  if (tokens.claims().acr !== "urn:whorl:acr:password") throw new Error(tokens.claims().acr);
});

if (registers) await step("hybrid", async () => {
  const config = await register({
    response_types: ["code id_token"],
    grant_types: ["authorization_code", "implicit"],
  });
  client.useCodeIdTokenResponseType(config);
  await code(config);
});

if (registers) await step("implicit", async () => {
  const config = await register({ response_types: ["id_token"], grant_types: ["implicit"] });
  client.useIdTokenResponseType(config);
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, { redirect_uri: callback, scope: "openid", state, nonce });
  const back = await new Browser(person).login(url.href, callback);
  const claims = await client.implicitAuthentication(config, back.url, nonce, { expectedState: state });
  if (!claims.sub) throw new Error(JSON.stringify(claims));
});

if (registers) await step("jarm", async () => {
  const config = await register({ authorization_signed_response_alg: "RS256" });
  client.useJwtResponseMode(config);
  await code(config);
});

for (const [name, method] of [["client_secret_post", client.ClientSecretPost], ["client_secret_jwt", client.ClientSecretJwt]]) {
  if (registers && server.token_endpoint_auth_methods_supported.includes(name)) {
    await step(name, async () => {
      const registered = await register({ token_endpoint_auth_method: name });
      const { client_id, client_secret } = registered.clientMetadata();
      const config = new client.Configuration(server, client_id, undefined, method(client_secret));
      client.allowInsecureRequests(config);
      await code(config);
    });
  }
}

if (registers && server.token_endpoint_auth_methods_supported.includes("private_key_jwt")) {
  await step("private_key_jwt", async () => {
    const { pair, key } = await jwk("ES256");
    const authentication = client.PrivateKeyJwt({ key: pair.privateKey, kid: "k1" });
    const config = await register({ token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [key] } }, authentication);
    await code(config);
  });
}

if (registers && server.pushed_authorization_request_endpoint) {
  await step("pushed", async () => {
    await code(await register({ require_pushed_authorization_requests: true }), {}, { pushed: true });
  });
}

if (registers && server.request_parameter_supported) {
  await step("signed request", async () => {
    const { pair, key } = await jwk("ES256");
    const config = await register({ jwks: { keys: [key] }, request_object_signing_alg: "ES256" });
    await code(config, {}, { signed: { key: pair.privateKey, kid: "k1" } });
  });
}

if (registers && server.dpop_signing_alg_values_supported) {
  await step("dpop", async () => {
    const config = await register({ dpop_bound_access_tokens: true });
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
    const tokens = await code(config, {}, {}, { DPoP });
    if (tokens.token_type !== "dpop") throw new Error(tokens.token_type);
    await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
  });
}

if (server.introspection_endpoint) {
  await step("introspection", async () => {
    const config = await register();
    const tokens = await code(config);
    const told = await client.tokenIntrospection(config, tokens.access_token);
    if (told.active !== true) throw new Error(JSON.stringify(told));
  });
}

if (registers && server.grant_types_supported.includes("client_credentials")) {
  await step("client_credentials", async () => {
    const config = await register({ grant_types: ["client_credentials"], response_types: [], redirect_uris: [], scope: "profile" });
    const tokens = await client.clientCredentialsGrant(config, {});
    if (!tokens.access_token) throw new Error("no token");
  });
}

if (registers && server.device_authorization_endpoint) {
  await step("device", async () => {
    const config = await register({ grant_types: ["urn:ietf:params:oauth:grant-type:device_code"] });
    const begun = await client.initiateDeviceAuthorization(config, { scope: "openid" });
    if (!begun.user_code || !begun.verification_uri) throw new Error(JSON.stringify(begun));
  });
}

answer({ ran });
