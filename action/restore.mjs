// Restores the results of contracts, or computes, shares and signs them, and writes the job's summary. It needs nothing
// but Node and `ctxpack`, which the step before has installed.
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What ends the step: said as an error of it, with this exit code. */
class Failure extends Error {
  constructor(message, code = 2) {
    super(message);
    this.code = code;
  }
}

const { env } = process;
const ctxpack = join(env.RUNNER_TEMP ?? "", "ctxpack/bin/ctxpack");
const contracts = (env.CONTRACT ?? "")
  .split("\n")
  .map((line) => line.trim())
  .filter(Boolean);
const pantry = env.PANTRY || `ghcr.io/${(env.GITHUB_REPOSITORY ?? "").toLowerCase()}/ctxpack`;
const isPullRequest = (env.GITHUB_EVENT_NAME ?? "").startsWith("pull_request");
const isAllowedToSign = Boolean(env.ACTIONS_ID_TOKEN_REQUEST_URL);
// What a pull request computes is nobody's yet: it is neither sent nor signed, whatever is asked for.
const isSigning =
  !isPullRequest && (env.ATTEST === "true" || (env.ATTEST === "auto" && isAllowedToSign));
// Under a policy a pack without a proof would be in everybody's way.
const isSharing = !isPullRequest && (isSigning || !env.POLICY);

const childEnv = {
  ...env,
  CTXPACK_REGISTRY: pantry,
  // A store of this job alone: one that jobs of forks and of main share would let one write what the other believes.
  CTXPACK_CACHE_DIR: env.CTXPACK_CACHE_DIR || join(env.RUNNER_TEMP ?? "", "ctxpack/store"),
  ...(env.TRUST === "unsigned" && { XDG_CONFIG_HOME: configuration() }),
};

try {
  main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.log(`::error title=CtxPack::${escapeCommand(error.message)}`);
  process.exitCode = error.code;
}

function main() {
  oneOf("attest", env.ATTEST, ["auto", "true", "false"]);
  oneOf("trust", env.TRUST, ["", "unsigned"]);
  oneOf("on-untrusted", env.ON_UNTRUSTED, ["fail", "miss"]);
  if (contracts.length === 0) throw new Failure("no contract is named");
  const results = contracts.map((contract) => ({ contract, state: "not reached" }));
  try {
    for (const result of results) tryOne(result);
  } finally {
    // What was done before one failed is told all the same.
    summarise(results);
    output("uri", results.at(-1)?.uri ?? "");
    output("hits", String(countOf(results, "hit")));
    output("misses", String(countOf(results, "computed")));
  }
}

function tryOne(result) {
  try {
    Object.assign(result, restore(result.contract));
  } catch (error) {
    Object.assign(result, { state: "failed", reason: error.message });
    throw error;
  }
}

function countOf(results, state) {
  return results.filter((one) => one.state === state).length;
}

/** That a pantry is believed without proofs is said in a configuration file, and nowhere else. */
function configuration() {
  const home = join(env.RUNNER_TEMP ?? "", "ctxpack/config");
  mkdirSync(join(home, "ctxpack"), { recursive: true });
  const config = { pantries: [{ name: "job", address: pantry, trust: "unsigned" }] };
  writeFileSync(join(home, "ctxpack/config.json"), JSON.stringify(config));
  return home;
}

/** Looks first, so that a miss can be told with its reason; then computes. */
function restore(contract) {
  const started = performance.now();
  const policy = env.POLICY ? ["--policy", env.POLICY] : [];
  const untrusted = env.ON_UNTRUSTED === "miss" ? ["--on-untrusted", "miss"] : [];
  const command = env.COMMAND ? ["--", "bash", "-euo", "pipefail", "-c", env.COMMAND] : [];
  const args = ["run", "--contract", contract, ...policy, ...untrusted];
  const found = call([...args, "--frozen", ...command], "found");
  if (found.code === 0) return told(found.value, "", started);
  if (found.code !== 3) stop(found, contract);
  // Signed first, sent then: what is in the pantry without its proof would be refused there.
  const push = isSharing && !isSigning ? ["--push"] : [];
  const made = call([...args, ...push, ...command], "made");
  if (made.code !== 0) stop(made, contract);
  const { uri, hit } = made.value;
  if (!hit && isSigning) share(uri);
  return told(made.value, reasonOf(found.value), started);
}

/**
 * Only what this job has computed is signed by it. The work is done by now: a service that is down costs the next job
 * a computation, not this one its result.
 */
function share(uri) {
  const own = env.SIGNING_CONFIG ? ["--signing-config", env.SIGNING_CONFIG] : [];
  const signed = call(["attest", uri, "--keyless", ...own], "signed");
  if (signed.code === 7) return warn(`${uri} is not signed, and not shared: ${reasonFor(signed)}`);
  if (signed.code !== 0) stop(signed, uri);
  const sent = call(["push", uri, "--to", pantry], "sent");
  if (sent.code === 7) warn(`${uri} is not shared: ${reasonFor(sent)}`);
  else if (sent.code === 8)
    warn(`${uri}: the pantry has another output of this contract; this job's own is not shared`);
  else if (sent.code !== 0) stop(sent, uri);
}

/** What the summary says of one contract. */
function told(value, reason, started) {
  const seconds = (performance.now() - started) / 1000;
  const { uri, hit, source, files, bytes } = value;
  return {
    state: hit ? "hit" : "computed",
    uri,
    source,
    files,
    bytes,
    reason,
    seconds,
    saved: hit ? savedBy(uri, seconds) : 0,
  };
}

/** How long the command took whose result was there, as whoever ran it says, without what the hit took; in seconds. */
function savedBy(uri, seconds) {
  const { value } = call(["inspect", uri], "inspect");
  const { startedOn, finishedOn } = value?.proofs?.provenance ?? {};
  if (!startedOn || !finishedOn) return undefined;
  return Math.max(0, (Date.parse(finishedOn) - Date.parse(startedOn)) / 1000 - seconds);
}

/** `run --frozen` says why it is a miss after the places where it looked. */
function reasonOf(value) {
  return value?.error?.message?.split("; ").slice(1).join("; ") || "no contract like it is known";
}

/** Runs ctxpack; what it says to people goes to the log. */
function call(args, group) {
  console.log(`::group::ctxpack ${args[0]} (${group})`);
  // Nothing that a command or a registry says is a command to the runner.
  const token = randomUUID();
  console.log(`::stop-commands::${token}`);
  const done = spawnSync(ctxpack, [...args, "--json"], {
    env: childEnv,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
  });
  console.log(`\n::${token}::`);
  console.log("::endgroup::");
  if (done.error) throw new Failure(done.error.message);
  let value;
  try {
    value = JSON.parse(done.stdout.trim().split("\n").at(-1) ?? "");
  } catch {
    throw new Failure(`ctxpack ${args[0]} printed no result`);
  }
  return { code: done.status ?? 70, value };
}

function stop(done, what) {
  throw new Failure(`${what}: ${reasonFor(done)}`, done.code);
}

/** Why a command of ours failed, in its own words. */
function reasonFor({ code, value }) {
  const { message, hint } = value?.error ?? {};
  return `${message ?? `exit code ${code}`}${hint ? ` (${hint})` : ""}`;
}

function warn(message) {
  console.log(`::warning title=CtxPack::${escapeCommand(message)}`);
}

function oneOf(name, value = "", allowed = []) {
  if (allowed.includes(value)) return;
  throw new Failure(`${name} is "${value}"; write ${allowed.filter(Boolean).join(" or ")}`);
}

/** Of a workflow command, as GitHub reads it. */
function escapeCommand(text) {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function output(name, value) {
  if (env.GITHUB_OUTPUT) appendFileSync(env.GITHUB_OUTPUT, `${name}=${value}\n`);
}

function summarise(all) {
  if (!env.GITHUB_STEP_SUMMARY) return;
  const rows = all.map(({ contract, state, source, reason = "", bytes, saved, uri }) => [
    cell(contract),
    state === "hit" ? `hit in ${cell(source)}` : state,
    state === "hit" ? "" : cell(reason),
    bytes === undefined ? "" : size(bytes),
    state !== "hit" ? "" : saved === undefined ? "not known" : duration(saved),
    uri === undefined ? "" : `\`${uri.slice("ctx://sha256:".length).slice(0, 12)}\``,
  ]);
  const seconds = all.reduce((sum, { saved }) => sum + (saved ?? 0), 0);
  const savedText = seconds > 0 ? `, ${duration(seconds)} saved` : "";
  const lines = [
    `### CtxPack: ${countOf(all, "hit")} of ${all.length} restored${savedText}`,
    "",
    "| contract | | why | size | saved | URI |",
    "|---|---|---|---|---|---|",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
  ];
  if (isPullRequest)
    lines.push("Nothing was sent to the pantry: this is the job of a pull request.", "");
  else if (!isSharing)
    lines.push(
      "Nothing was sent to the pantry: this job may not sign, and the policy asks for proofs.",
      "",
    );
  appendFileSync(env.GITHUB_STEP_SUMMARY, `${lines.join("\n")}\n`);
}

/** Text in a cell of a table of Markdown: what it says of names is not ours. */
function cell(text) {
  return text.replace(/[\\`*_{}[\]<>|#!~]/g, "\\$&").replaceAll(/\s+/g, " ");
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}

function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
