// `oauth4webapi` 3 as the relying party, by hand: discovery, registration, code, token, userinfo, refresh, revocation.

import { Browser, answer, input, installed } from "./browser.mjs";

const oauth = await installed("oauth4webapi");
const { issuer, person, client: known } = await input();
const callback = "https://localhost:1/callback";
const insecure = { [oauth.allowInsecureRequests]: true };
const ran = [];

const server = await oauth
  .discoveryRequest(new URL(issuer), { ...insecure, algorithm: "oidc" })
  .then((response) => oauth.processDiscoveryResponse(new URL(issuer), response));
ran.push("discovery");
// RFC 8414 as well.
await oauth
  .discoveryRequest(new URL(issuer), { ...insecure, algorithm: "oauth2" })
  .then((response) => oauth.processDiscoveryResponse(new URL(issuer), response));
ran.push("server metadata");

let client = known;
if (server.registration_endpoint) {
  client = await oauth
    .dynamicClientRegistrationRequest(server, { redirect_uris: [callback], scope: "openid profile email offline_access" }, insecure)
    .then(oauth.processDynamicClientRegistrationResponse);
  ran.push("registration");
}

const authentication = oauth.ClientSecretBasic(client.client_secret);
const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const url = new URL(server.authorization_endpoint);
for (const [name, value] of Object.entries({
  client_id: client.client_id,
  redirect_uri: callback,
  response_type: "code",
  scope: "openid profile email offline_access",
  prompt: "consent",
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
})) {
  url.searchParams.set(name, value);
}
const back = await new Browser(person).login(url.href, callback);
// Checks `iss` too (RFC 9207).
const parameters = oauth.validateAuthResponse(server, client, back.url, state);
const tokens = await oauth
  .authorizationCodeGrantRequest(server, client, authentication, parameters, callback, verifier, insecure)
  .then((response) => oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true }));
ran.push("code");
const claims = oauth.getValidatedIdTokenClaims(tokens);

const info = await oauth
  .userInfoRequest(server, client, tokens.access_token, insecure)
  .then((response) => oauth.processUserInfoResponse(server, client, claims.sub, response));
if (info.preferred_username !== "alice") throw new Error(JSON.stringify(info));
ran.push("userinfo");

const refreshed = await oauth
  .refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, insecure)
  .then((response) => oauth.processRefreshTokenResponse(server, client, response));
ran.push("refresh");

await oauth
  .revocationRequest(server, client, authentication, refreshed.refresh_token ?? tokens.refresh_token, insecure)
  .then(oauth.processRevocationResponse);
ran.push("revocation");
const dead = await oauth.refreshTokenGrantRequest(server, client, authentication, refreshed.refresh_token ?? tokens.refresh_token, insecure);
if (dead.status !== 400) throw new Error(`a revoked token is good: ${dead.status}`);
ran.push("a revoked token is dead");

answer({ ran });
