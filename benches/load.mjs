#!/usr/bin/env node
// Loads one row of the speed table at any issuer, and says what a request costs the server:
//
//   node benches/load.mjs discovery --issuer http://localhost:4455 --pid PID
//
// The figure that counts is requests per core-second of the server, from /proc/PID/stat, so that it does not matter
// how fast this client is. Needs nothing but Node 20.

import { Agent, request } from "node:http";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createHash, randomBytes } from "node:crypto";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    issuer: { type: "string" },
    pid: { type: "string" },
    seconds: { type: "string", default: "10" },
    connections: { type: "string", default: "16" },
    client: { type: "string", default: "" }, // id:secret
    scope: { type: "string", default: "" },
    resource: { type: "string", default: "" },
    username: { type: "string", default: "alice" },
    password: { type: "string", default: process.env.WHORL_CONFORMANCE_PASSWORD ?? "" },
    "redirect-uri": { type: "string", default: "https://localhost:1/callback" },
  },
});
const row = positionals[0];
const { issuer } = values;
const agent = new Agent({ keepAlive: true, maxSockets: Number(values.connections) });

/** One request; the body is read and dropped unless it is wanted. */
function send(url, { method = "GET", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text, url }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const form = (fields) => ({
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields).toString(),
});
const authenticated = (fields) => {
  const post = form(fields);
  const [id, ...secret] = values.client.split(":");
  const pair = [id, secret.join(":")].map(encodeURIComponent).join(":");
  post.headers.authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
  return post;
};
const expect = (answer, status = 200) => {
  if (answer.status !== status) throw new Error(`${answer.status} at ${answer.url}: ${answer.text.slice(0, 300)}`);
  return answer;
};

const metadata = JSON.parse(expect(await send(`${issuer}/.well-known/openid-configuration`)).text);
const credentials = {
  grant_type: "client_credentials",
  ...(values.scope && { scope: values.scope }),
  ...(values.resource && { resource: values.resource }),
};

/** A full login by code in a browser of its own, without a session: about eight requests. */
async function login() {
  const cookies = new Map();
  const callback = values["redirect-uri"];
  const browse = async (url, options = {}) => {
    const headers = { ...options.headers, cookie: [...cookies].map(([n, v]) => `${n}=${v}`).join("; ") };
    if (options.body) headers.origin = new URL(url).origin;
    const answer = await send(url, { ...options, headers });
    for (const cookie of answer.headers["set-cookie"] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      cookies.set(name, value);
    }
    return answer;
  };
  const verifier = randomBytes(32).toString("base64url");
  let url = new URL(metadata.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: values.client.split(":")[0],
    redirect_uri: callback,
    response_type: "code",
    scope: "openid",
    state: "s",
    nonce: "n",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  url = url.href;
  let answer = await browse(url);
  for (let step = 0; step < 20; step += 1) {
    if (answer.headers.location) {
      url = new URL(answer.headers.location, url).href;
      if (url.startsWith(callback)) break;
      answer = await browse(url);
      continue;
    }
    const forms = [...answer.text.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)];
    const [, head, inside] = forms.find(([form]) => /name="(?:password|username|login)"/.test(form)) ?? forms[0] ?? [];
    if (!head) throw new Error(`${answer.status} at ${url}: ${answer.text.slice(0, 300)}`);
    const fields = Object.fromEntries(
      [...inside.matchAll(/<(?:input|button)\b([^>]*)>/g)]
        .map(([, tag]) => [/\bname="([^"]*)"/.exec(tag)?.[1], /\bvalue="([^"]*)"/.exec(tag)?.[1] ?? ""])
        .filter(([name]) => name)
        .reverse(),
    );
    for (const name of ["username", "login"]) if (name in fields) fields[name] = values.username;
    if ("password" in fields) fields.password = values.password;
    url = new URL(/\baction="([^"]*)"/.exec(head)[1], url).href;
    answer = await browse(url, form(fields));
  }
  const code = new URL(url).searchParams.get("code");
  if (!code) throw new Error(`no code: ${url}`);
  const redeem = { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: verifier };
  expect(await send(metadata.token_endpoint, authenticated(redeem)));
}

const rows = {
  discovery: async () => expect(await send(`${issuer}/.well-known/openid-configuration`)),
  jwks: async () => expect(await send(metadata.jwks_uri)),
  token: async () => expect(await send(metadata.token_endpoint, authenticated(credentials))),
  introspection: async () => {
    rows.token_to_ask ??= JSON.parse(expect(await send(metadata.token_endpoint, authenticated(credentials))).text).access_token;
    expect(await send(metadata.introspection_endpoint, authenticated({ token: rows.token_to_ask })));
  },
  login,
};
const work = rows[row];
if (!work || !issuer) {
  console.error(`usage: node benches/load.mjs ${Object.keys(rows).join("|")} --issuer URL [--pid PID] [--client ID:SECRET]`);
  process.exit(2);
}

/** User and system time of the server so far, in seconds, and its resident memory in MB. */
function cost() {
  if (!values.pid) return { cpu: NaN, rss: NaN };
  const fields = readFileSync(`/proc/${values.pid}/stat`, "utf8").split(") ")[1].split(" ");
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${values.pid}/status`, "utf8"))[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, rss: Number(rss) / 1024 };
}

async function during(seconds) {
  const until = performance.now() + seconds * 1000;
  const times = [];
  await Promise.all(
    Array.from({ length: Number(values.connections) }, async () => {
      while (performance.now() < until) {
        const began = performance.now();
        await work();
        times.push(performance.now() - began);
      }
    }),
  );
  return times;
}

await during(Math.min(2, Number(values.seconds))); // Caches and just-in-time compilers warm.
const before = cost();
const began = performance.now();
const times = (await during(Number(values.seconds))).sort((a, b) => a - b);
const wall = (performance.now() - began) / 1000;
const after = cost();
const quantile = (q) => Number(times[Math.floor(q * (times.length - 1))].toFixed(2));
console.log(
  JSON.stringify({
    row,
    done: times.length,
    per_second: Math.round(times.length / wall),
    per_core_second: Math.round(times.length / (after.cpu - before.cpu)) || null,
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
    rss_mb: Math.round(after.rss) || null,
  }),
);
agent.destroy();
