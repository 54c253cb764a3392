#!/usr/bin/env node
// Whorl beside npm's oidc-provider, row by row in turn, on this machine:
//
//   cargo build --release && mkdir /tmp/peer && npm install --prefix /tmp/peer oidc-provider@9
//   node benches/compare.mjs --whorl target/release/whorl --peer /tmp/peer
//
// Prints a Markdown table of requests per core-second of the server. Only the ratio counts, and only on a quiet machine.
// Whorl keeps its state in SQLite on disk; the peer keeps it in memory.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    whorl: { type: "string", default: "target/release/whorl" },
    peer: { type: "string", default: "" },
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "whorl-bench-"));
const running = [];
process.on("exit", () => {
  for (const child of running) child.kill();
  rmSync(folder, { recursive: true, force: true });
});

const freePort = () =>
  new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });

/** Starts a server, and waits for its first answer. */
async function start(name, command, args, options, port) {
  const began = performance.now();
  const child = spawn(command, args, { ...options, stdio: ["ignore", "ignore", "inherit"] });
  running.push(child);
  const url = `http://localhost:${port}/.well-known/openid-configuration`;
  for (;;) {
    try {
      if ((await fetch(url)).ok) break;
    } catch {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    }
    await new Promise((later) => setTimeout(later, 2));
  }
  const first_ms = Math.round(performance.now() - began);
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const idle_mb = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024);
  return { name, issuer: `http://localhost:${port}`, pid: child.pid, first_ms, idle_mb };
}

/** One Whorl for each algorithm that access tokens are signed with. */
async function whorl(algorithm) {
  const others = ["RS256", "ES256", "EdDSA"].filter((name) => name !== algorithm);
  const port = await freePort();
  const settings = readFileSync(join(here, "whorl.toml"), "utf8")
    .replaceAll("4455", String(port))
    .replace('algorithms = ["RS256", "ES256", "EdDSA"]', `algorithms = ${JSON.stringify([algorithm, ...others])}`);
  const file = join(folder, `${algorithm}.toml`);
  writeFileSync(file, settings.replace('state_dir = "bench"', `state_dir = "${join(folder, algorithm)}"`));
  const env = { ...process.env, WHORL_CONFORMANCE_PASSWORD: "a password of a benchmark", WHORL_MODELS: folder };
  return start(`whorl ${algorithm}`, resolve(values.whorl), ["serve", "--config", file], { env }, port);
}

async function peer() {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), PEER: resolve(values.peer) };
  return start("oidc-provider", process.execPath, [join(here, "peer.mjs")], { env }, port);
}

function load(row, server, more) {
  const args = [join(here, "load.mjs"), row, "--issuer", server.issuer, "--pid", String(server.pid)];
  args.push("--seconds", values.seconds, "--password", "a password of a benchmark", ...more);
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

const ours = { RS256: await whorl("RS256"), ES256: await whorl("ES256"), EdDSA: await whorl("EdDSA") };
const theirs = values.peer ? await peer() : null;
const jwt = ["--client", "bench:bench-secret", "--scope", "api"];
const opaque = ["--client", "opaque:opaque-secret", "--scope", "api"];
const rows = [
  ["discovery document", "discovery", ours.ES256, [], []],
  ["JWKS", "jwks", ours.ES256, [], []],
  ["token, client_credentials, RS256", "token", ours.RS256, jwt, [...jwt, "--resource", "urn:rs256"]],
  ["… ES256", "token", ours.ES256, jwt, [...jwt, "--resource", "urn:es256"]],
  ["… EdDSA", "token", ours.EdDSA, jwt, [...jwt, "--resource", "urn:eddsa"]],
  ["… opaque", "token", ours.ES256, opaque, jwt],
  ["introspection", "introspection", ours.ES256, opaque, jwt],
  ["login by code", "login", ours.ES256, ["--client", "bench:bench-secret"], ["--client", "bench:bench-secret"]],
];
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
console.log("| row | whorl | oidc-provider | ratio |\n|-|-|-|-|");
for (const [name, row, server, mine, other] of rows) {
  const figures = { ours: [], theirs: [] };
  try {
    for (let round = 0; round < Number(values.rounds); round += 1) {
      figures.ours.push(load(row, server, mine).per_core_second);
      if (theirs) figures.theirs.push(load(row, theirs, other).per_core_second);
    }
    const [we, they] = [median(figures.ours), median(figures.theirs)];
    console.log(`| ${name} | ${we} | ${they ?? ""} | ${they ? (we / they).toFixed(2) : ""} |`);
  } catch (error) {
    console.log(`| ${name} | not measured: ${String(error.stderr ?? error.message).split("\n")[0]} | | |`);
  }
}
const memory = ({ pid }) => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024);
console.log(`| resident MB, idle / after load | ${ours.ES256.idle_mb} / ${memory(ours.ES256)} | ${theirs ? `${theirs.idle_mb} / ${memory(theirs)}` : ""} | |`);
console.log(`| ms to the first answer, state made anew | ${ours.ES256.first_ms} | ${theirs?.first_ms ?? ""} | |`);
process.exit(0);
