#!/usr/bin/env node
// Whorl beside npm's oidc-provider, row by row in turn, on this machine:
//
//   cargo build --release --bin whorl
//   node benches/compare.mjs
//
// Prints a Markdown table of requests per core-second of the server. The peer is installed by npm, pinned, with a Node
// of its own, into target/peer. Each server has one core for itself (`--server-core`), the load another
// (`--load-core`); "" leaves them to the system. Each figure is a median over the rounds, and the ratio is the median of
// the ratios of each round, whose two halves follow each other at once: what else the machine does touches both.
//
// Whorl keeps its state in SQLite on disk; the peer keeps it in memory.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const PINNED = ["oidc-provider@9.13.3", "node@24.21.0"];

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    whorl: { type: "string", default: join(here, "../target/release/whorl") },
    peer: { type: "string", default: join(here, "../target/peer") },
    rows: { type: "string", default: "" }, // some of them, by the names of load.mjs, with commas
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "5" },
    "server-core": { type: "string", default: "0" },
    "load-core": { type: "string", default: "1" },
    "without-peer": { type: "boolean", default: false },
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

/** A command kept on one core. */
const on = (core, command, args) => (core === "" ? [command, args] : ["taskset", ["-c", core, command, ...args]]);

/** Starts a server, and waits for its first answer. */
async function start(name, command, args, options, port) {
  const began = performance.now();
  const [program, all] = on(values["server-core"], command, args);
  const child = spawn(program, all, { ...options, stdio: ["ignore", "ignore", "inherit"] });
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
  await new Promise((later) => setTimeout(later, 1000));
  return { name, issuer: `http://localhost:${port}`, child, pid: child.pid, first_ms, idle_mb: resident(child.pid) };
}

const resident = (pid) => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024);

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
  const again = () => start(`whorl ${algorithm}`, resolve(values.whorl), ["serve", "--config", file], { env }, port);
  return { ...(await again()), again };
}

function installed() {
  const at = resolve(values.peer);
  const node = join(at, "node_modules/node/bin/node");
  if (!existsSync(node) || !existsSync(join(at, "node_modules/oidc-provider"))) {
    mkdirSync(at, { recursive: true });
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--prefix", at, ...PINNED], { stdio: "inherit" });
  }
  return { at, node };
}

async function peer() {
  const { at, node } = installed();
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), PEER: at };
  return start("oidc-provider", node, [join(here, "peer.mjs")], { env }, port);
}

function load(row, server, more) {
  const args = [join(here, "load.mjs"), row, "--issuer", server.issuer, "--pid", String(server.pid)];
  args.push("--seconds", values.seconds, "--password", "a password of a benchmark", ...more);
  const [program, all] = on(values["load-core"], process.execPath, args);
  return JSON.parse(execFileSync(program, all, { encoding: "utf8" }));
}

const ours = { ES256: await whorl("ES256"), RS256: await whorl("RS256"), EdDSA: await whorl("EdDSA") };
const theirs = values["without-peer"] ? null : await peer();
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
].filter(([, row]) => !values.rows || values.rows.split(",").includes(row));
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const range = (list) => `${Math.min(...list)}–${Math.max(...list)}`;
console.log("| requests per core-second | whorl | oidc-provider | ratio |\n|-|-|-|-|");
for (const [name, row, server, mine, other] of rows) {
  const figures = { ours: [], theirs: [] };
  try {
    for (let round = 0; round < Number(values.rounds); round += 1) {
      figures.ours.push(load(row, server, mine).per_core_second);
      if (theirs) figures.theirs.push(load(row, theirs, other).per_core_second);
    }
    const said = (list) => (list.length ? `${median(list)} (${range(list)})` : "");
    const ratios = figures.theirs.map((they, round) => figures.ours[round] / they);
    console.log(`| ${name} | ${said(figures.ours)} | ${said(figures.theirs)} | ${theirs ? median(ratios).toFixed(2) : ""} |`);
  } catch (error) {
    console.log(`| ${name} | not measured: ${String(error.stderr ?? error.message).split("\n")[0]} | | |`);
  }
}
const after = [resident(ours.ES256.pid), theirs ? resident(theirs.pid) : ""];
console.log(`| resident MB, idle / after load | ${ours.ES256.idle_mb} / ${after[0]} | ${theirs ? `${theirs.idle_mb} / ${after[1]}` : ""} | |`);
const starts = [];
for (let round = 0; round < Number(values.rounds); round += 1) {
  ours.ES256.child.kill();
  await new Promise((ended) => (ours.ES256.child.exitCode === null && ours.ES256.child.signalCode === null ? ours.ES256.child.once("exit", ended) : ended()));
  ours.ES256 = { ...ours.ES256, ...(await ours.ES256.again()) };
  starts.push(ours.ES256.first_ms);
}
console.log(`| ms from the start to the first answer | ${median(starts)} (${range(starts)}) | ${theirs?.first_ms ?? ""} | |`);
console.log(`| … all state made anew, with three signing keys | ${ours.EdDSA.first_ms} | | |`);
process.exit(0);
