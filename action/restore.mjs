// Restores the results of contracts, or computes, shares and signs them, and writes the job's summary. It needs nothing
// but Node and `ctxpack`, which the step before has installed.
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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

oneOf("attest", env.ATTEST, ["auto", "true", "false"]);
oneOf("trust", env.TRUST, ["", "unsigned"]);
oneOf("on-untrusted", env.ON_UNTRUSTED, ["fail", "miss"]);
if (contracts.length === 0) fail("no contract is named");
const results = contracts.map((contract) => ({ contract, ...restore(contract) }));
summarise(results);
const hits = results.filter((one) => one.hit).length;
output("uri", results.at(-1)?.uri ?? "");
output("hits", String(hits));
output("misses", String(results.length - hits));

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

/** Only what this job has computed is signed by it. */
function share(uri) {
  const own = env.SIGNING_CONFIG ? ["--signing-config", env.SIGNING_CONFIG] : [];
  const signed = call(["attest", uri, "--keyless", ...own], "signed");
  if (signed.code !== 0) stop(signed, uri);
  const sent = call(["push", uri, "--to", pantry], "sent");
  if (sent.code === 8) {
    warn(`${uri}: the pantry has another output of this contract; this job's own is not shared`);
  } else if (sent.code !== 0) stop(sent, uri);
}

/** What the summary says of one contract. */
function told(value, reason, started) {
  const seconds = (performance.now() - started) / 1000;
  const { uri, hit, source, files, bytes } = value;
  return {
    uri,
    hit,
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
  if (done.error) fail(done.error.message);
  let value;
  try {
    value = JSON.parse(done.stdout.trim().split("\n").at(-1) ?? "");
  } catch {
    fail(`ctxpack ${args[0]} printed no result`);
  }
  return { code: done.status ?? 70, value };
}

function stop({ code, value }, what) {
  const { message, hint } = value?.error ?? {};
  fail(`${what}: ${message ?? `exit code ${code}`}${hint ? ` (${hint})` : ""}`, code);
}

function fail(message, code = 2) {
  console.log(`::error title=CtxPack::${escapeCommand(message)}`);
  process.exit(code);
}

function warn(message) {
  console.log(`::warning title=CtxPack::${escapeCommand(message)}`);
}

function oneOf(name, value = "", allowed = []) {
  if (!allowed.includes(value))
    fail(`${name} is "${value}"; write ${allowed.filter(Boolean).join(" or ")}`);
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
  const rows = all.map((one) => [
    cell(one.contract),
    one.hit ? `hit in ${cell(one.source)}` : "computed",
    one.hit ? "" : cell(one.reason),
    size(one.bytes),
    one.hit ? (one.saved === undefined ? "not known" : duration(one.saved)) : "",
    `\`${one.uri.slice("ctx://sha256:".length, "ctx://sha256:".length + 12)}\``,
  ]);
  const saved = all.reduce((sum, { saved }) => sum + (saved ?? 0), 0);
  const count = all.filter(({ hit }) => hit).length;
  const lines = [
    `### CtxPack: ${count} of ${all.length} restored${saved > 0 ? `, ${duration(saved)} saved` : ""}`,
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
