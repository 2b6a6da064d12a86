import { spawn } from "node:child_process";
import { CtxPackError } from "@ctxpack/identity";
import type { Credential } from "./credential.ts";

const OUTPUT_LIMIT = 1 << 20;
const HELPER_TIMEOUT_MS = 60_000;

export interface HelperOptions {
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** In milliseconds; 60,000. */
  readonly helperTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What docker's helpers say when they have nothing (docker-credential-helpers, "errors"). */
const NOT_FOUND = "credentials not found in native keychain";

/**
 * Asks `docker-credential-<name>` for the credential of a server; `undefined` when it has none. Throws
 * CTXPACK_E_CONFIG for a helper that is absent, fails, answers nonsense or does not answer; what it printed is not told.
 */
export async function getFromHelper(
  name: string,
  server: string,
  options: HelperOptions = {},
): Promise<Credential | undefined> {
  const { code, stdout, stderr } = await runHelper(name, "get", server, options);
  if (code !== 0) {
    const text = `${stdout}\n${stderr}`;
    if (
      text.includes(NOT_FOUND) ||
      /credentials? (?:is|are)? ?not found|no credentials/i.test(text)
    ) {
      return undefined;
    }
    throw failed(name, "get", `it ends with ${code}`);
  }
  const answer = parseAnswer(stdout);
  if (answer === undefined) throw failed(name, "get", "its answer is no credential");
  const { Username: username, Secret: secret } = answer;
  if (secret === "") return undefined;
  if (username === "<token>") return { kind: "identity", token: secret };
  return { kind: "basic", username, password: secret };
}

/** Has a helper keep a credential. Throws CTXPACK_E_CONFIG. */
export async function storeInHelper(
  name: string,
  server: string,
  credential: Credential,
  options: HelperOptions = {},
): Promise<void> {
  const account =
    credential.kind === "basic"
      ? { Username: credential.username, Secret: credential.password }
      : { Username: "<token>", Secret: credential.token };
  const input = JSON.stringify({ ServerURL: server, ...account });
  const { code } = await runHelper(name, "store", input, options);
  if (code !== 0) throw failed(name, "store", `it ends with ${code}`);
}

/** Has a helper forget a credential; whether it had one. Throws CTXPACK_E_CONFIG. */
export async function eraseInHelper(
  name: string,
  server: string,
  options: HelperOptions = {},
): Promise<boolean> {
  if ((await getFromHelper(name, server, options)) === undefined) return false;
  const { code } = await runHelper(name, "erase", server, options);
  if (code !== 0) throw failed(name, "erase", `it ends with ${code}`);
  return true;
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a helper without a shell; what it is told goes through its standard input only. */
async function runHelper(
  name: string,
  verb: string,
  input: string,
  { env = process.env, helperTimeoutMs = HELPER_TIMEOUT_MS, signal }: HelperOptions,
): Promise<Outcome> {
  signal?.throwIfAborted();
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) {
    throw new CtxPackError(
      "CTXPACK_E_CONFIG",
      `${JSON.stringify(name.slice(0, 80))} is not the name of a credential helper`,
      { hint: "see credsStore and credHelpers in docker's config.json" },
    );
  }
  const program = `docker-credential-${name}`;
  const timeout = AbortSignal.timeout(helperTimeoutMs);
  const stop = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const child = spawn(program, [verb], {
    env: env as NodeJS.ProcessEnv,
    stdio: ["pipe", "pipe", "pipe"],
    signal: stop,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const output = { stdout: "", stderr: "" };
  let size = 0;
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      size += text.length;
      if (size > OUTPUT_LIMIT) {
        child.kill("SIGKILL");
        reject(failed(name, verb, "it prints more than 1 MiB"));
      } else output[stream] += text;
    });
  }
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (signal?.aborted) reject(signal.reason);
    else if (timeout.aborted)
      reject(failed(name, verb, `no answer within ${helperTimeoutMs / 1000} s`));
    else if (error.code === "ENOENT") reject(absent(program));
    else reject(failed(name, verb, `it cannot be run (${error.code})`));
  });
  child.once("close", (code) => resolve({ code, ...output }));
  // One that does not read what it is told may answer all the same.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  try {
    return await promise;
  } catch (error) {
    // What it has started may live on with our pipes: nobody waits for that.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    child.unref();
    throw error;
  }
}

function parseAnswer(text: string): { Username: string; Secret: string } | undefined {
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    const { Username, Secret } = value ?? {};
    if (typeof Username === "string" && typeof Secret === "string") return { Username, Secret };
  } catch {
    // What it printed may be a secret: it is not told.
  }
  return undefined;
}

function absent(program: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_CONFIG", `the credential helper ${program} is not there`, {
    hint: "install it, or remove it from credsStore and credHelpers in docker's config.json",
    details: { program },
  });
}

function failed(name: string, verb: string, why: string): CtxPackError {
  const program = `docker-credential-${name}`;
  return new CtxPackError("CTXPACK_E_CONFIG", `${program} ${verb}: ${why}`, {
    hint: `run ${program} ${verb} by hand to see what is wrong`,
    details: { program },
  });
}
