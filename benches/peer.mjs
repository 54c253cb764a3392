#!/usr/bin/env node
// npm's oidc-provider, in memory, set up for the rows of the speed table: one client, JWT and opaque access tokens by
// resource, a login form that takes any password. `PORT=… PEER=folder-with-node_modules node benches/peer.mjs`

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.PEER}/node_modules/`);
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")).href);
const port = Number(process.env.PORT ?? 4466);
const issuer = `http://localhost:${port}`;

const key = (alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }),
  alg,
  use: "sig",
  kid: alg,
});
const algorithms = { RS256: "urn:rs256", ES256: "urn:es256", EdDSA: "urn:eddsa" };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "bench",
      client_secret: "bench-secret",
      redirect_uris: ["https://localhost:1/callback"],
      grant_types: ["authorization_code", "client_credentials"],
      scope: "openid api",
    },
  ],
  scopes: ["openid", "api"],
  cookies: { keys: ["a key of a benchmark"] },
  jwks: {
    keys: [
      key("RS256", "rsa", { modulusLength: 3072 }),
      key("ES256", "ec", { namedCurve: "P-256" }),
      key("Ed25519", "ed25519", {}),
    ],
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, indicator) => {
        const alg = Object.keys(algorithms).find((name) => algorithms[name] === indicator);
        const sign = { alg: alg === "EdDSA" ? "Ed25519" : alg };
        return {
          scope: "api",
          accessTokenTTL: 600,
          ...(alg ? { accessTokenFormat: "jwt", jwt: { sign } } : { accessTokenFormat: "opaque" }),
        };
      },
    },
  },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
});

const oidc = provider.callback();
createServer(async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return oidc(request, response);
  try {
    const { prompt, params, grantId, session } = await provider.interactionDetails(request, response);
    if (request.method === "GET") {
      response.setHeader("content-type", "text/html");
      return response.end(
        prompt.name === "login"
          ? `<form method="post" action="${request.url}"><input name="login"><input name="password"><button>Go</button></form>`
          : `<form method="post" action="${request.url}"><button>Allow</button></form>`,
      );
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    if (prompt.name === "login") {
      const accountId = new URLSearchParams(body).get("login") || "alice";
      return await provider.interactionFinished(request, response, { login: { accountId } }, { mergeWithLastSubmission: false });
    }
    const grant = grantId
      ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(" "));
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
}).listen(port, "127.0.0.1", () => console.log(`ready ${issuer}`));
