// `oauth4webapi` 3 as a client of FAPI 2.0 with message signing: it registers itself, pushes a signed request, shows who it
// is by a signed assertion, proves a key with every token, and takes a signed answer.

import { Browser, answer, input, installed } from "./browser.mjs";

const oauth = await installed("oauth4webapi");
const { issuer, person } = await input();
const callback = "https://localhost:1/callback";
const insecure = { [oauth.allowInsecureRequests]: true };
const ran = [];

const server = await oauth
  .discoveryRequest(new URL(issuer), { ...insecure, algorithm: "oidc" })
  .then((response) => oauth.processDiscoveryResponse(new URL(issuer), response));
if (!server.pushed_authorization_request_endpoint) throw new Error("no pushed requests");

const [own, bound] = [await oauth.generateKeyPair("ES256"), await oauth.generateKeyPair("ES256")];
const kid = "own";
const jwk = { ...(await crypto.subtle.exportKey("jwk", own.publicKey)), kid, use: "sig", alg: "ES256" };
const client = await oauth
  .dynamicClientRegistrationRequest(
    server,
    {
      redirect_uris: [callback],
      scope: "openid profile offline_access",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [jwk] },
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
      require_signed_request_object: true,
      request_object_signing_alg: "ES256",
      authorization_signed_response_alg: "ES256",
      id_token_signed_response_alg: "ES256",
    },
    insecure,
  )
  .then(oauth.processDynamicClientRegistrationResponse);
ran.push("registration");

const key = { key: own.privateKey, kid };
const authentication = oauth.PrivateKeyJwt(key);
const proof = oauth.DPoP(client, bound);
const options = { ...insecure, DPoP: proof };
// RFC 9449 §8: the server's nonce comes with a first refusal, and the library keeps it for the second try.
const twice = async (send) => {
  try {
    return await send();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return send();
  }
};

const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const request = await oauth.issueRequestObject(
  server,
  client,
  new URLSearchParams({
    redirect_uri: callback,
    response_type: "code",
    response_mode: "jwt",
    scope: "openid profile offline_access",
    prompt: "consent",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  }),
  key,
);
const pushed = await twice(() =>
  oauth
    .pushedAuthorizationRequest(server, client, authentication, new URLSearchParams({ request, client_id: client.client_id }), options)
    .then((response) => oauth.processPushedAuthorizationResponse(server, client, response)),
);
ran.push("pushed request");

const url = new URL(server.authorization_endpoint);
url.searchParams.set("client_id", client.client_id);
url.searchParams.set("request_uri", pushed.request_uri);
const back = await new Browser(person).login(url.href, callback);
// Verifies the answer's signature, and its issuer, audience and expiry (JARM §2.4).
const parameters = await oauth.validateJwtAuthResponse(server, client, back.url, state, insecure);
ran.push("signed answer");

const tokens = await twice(() =>
  oauth
    .authorizationCodeGrantRequest(server, client, authentication, parameters, callback, verifier, options)
    .then(async (response) => {
      const read = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true });
      await oauth.validateApplicationLevelSignature(server, response, insecure);
      return read;
    }),
);
if (tokens.token_type.toLowerCase() !== "dpop") throw new Error(tokens.token_type);
ran.push("code");

const { sub } = oauth.getValidatedIdTokenClaims(tokens);
const info = await twice(() =>
  oauth
    .userInfoRequest(server, client, tokens.access_token, options)
    .then((response) => oauth.processUserInfoResponse(server, client, sub, response)),
);
if (info.preferred_username !== "alice") throw new Error(JSON.stringify(info));
ran.push("userinfo");

// FAPI 2.0 §5.3.2.1: the refresh token stays as it is.
const refreshed = await twice(() =>
  oauth
    .refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, options)
    .then((response) => oauth.processRefreshTokenResponse(server, client, response)),
);
if (refreshed.refresh_token && refreshed.refresh_token !== tokens.refresh_token) throw new Error("the refresh token was rotated");
ran.push("refresh");

const bare = await fetch(server.userinfo_endpoint, { headers: { authorization: `Bearer ${refreshed.access_token}` } });
if (bare.status !== 401) throw new Error(`good without its key: ${bare.status}`);
ran.push("a token without its key is refused");

answer({ ran });
