import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identityToken, type SigstoreFacts, TEST_IDENTITY, TEST_ISSUER } from "@ctxpack/test-tools";
import { nodeStart } from "./floors.ts";
import { ctxpack, ctxpackCommand, nodeCommand, runProgram } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Runs that take a tenth of a second: as many as make a median that holds. */
const RUNS = 15;

/** What signing without a key of one's own costs beside the services, and finding a trust root that is there. */
export const keyless: Question = {
  name: "keyless",
  about:
    "signing against sigstore's services on loopback, and a warm trust root, against `node -e 0`",
  *rounds(bench) {
    const facts = join(bench.scratch, "facts.json");
    const trust = join(bench.scratch, "trust");
    const services = spawn(process.execPath, [program("sigstore-services.ts"), facts], {
      stdio: "ignore",
    });
    try {
      waitFor(facts);
      yield signing(bench, facts);
      // Once with the services there; then they go away, and whoever asks them would fail.
      run("trust-root.ts", facts, trust);
      signedPack(bench, facts);
    } finally {
      services.kill("SIGKILL");
    }
    yield warm(bench, facts, trust);
    yield verifying(bench);
  },
};

function signing(bench: Bench, facts: string): Round {
  return {
    title: "Keyless signing against services on loopback",
    runs: RUNS,
    contenders: [
      {
        name: "three signatures, as a whole process",
        ours: true,
        argv: () => [...nodeCommand(), program("sign-keyless.ts"), facts, "1"],
      },
      nodeStart,
    ],
    check: () => {
      const output = run("sign-keyless.ts", facts, bench.scale === "full" ? "50" : "2");
      for (const line of output.trim().split("\n")) {
        const [kind, middle, p95, cpu] = line.split("\t");
        bench.note(
          `a signature with ${kind}: median ${middle} ms, p95 ${p95} ms with the services; ${cpu} ms of our CPU time`,
        );
      }
    },
  };
}

function warm(bench: Bench, facts: string, trust: string): Round {
  return {
    title: "A trust root that is there",
    runs: RUNS,
    contenders: [
      {
        name: "`TrustRootManager.get`, warm, as a whole process",
        ours: true,
        argv: () => [...nodeCommand(), program("trust-root.ts"), facts, trust],
      },
      nodeStart,
    ],
    check: () => {
      const [ms, counted] = run("trust-root.ts", facts, trust).trim().split("\t");
      if (counted !== "hit_count") throw new Error(`a warm trust root: ${counted}`);
      bench.note(`in process: ${ms} ms, with the repository gone: 0 requests`);
    },
  };
}

/** A pack of one small file, signed keyless, in the store `store`; `uri` holds what it is called. */
function signedPack(bench: Bench, facts: string): void {
  const at = (name: string) => join(bench.scratch, name);
  const { trustedRoot, signingConfig } = JSON.parse(readFileSync(facts, "utf8")) as SigstoreFacts;
  writeFileSync(at("trusted.json"), trustedRoot);
  writeFileSync(at("signing.json"), signingConfig);
  mkdirSync(at("output"));
  writeFileSync(join(at("output"), "a.txt"), "a");
  writeFileSync(at("contract.json"), JSON.stringify({ transforms: [{ tool: "t" }] }));
  const seed = ["seed", at("output"), "--contract", at("contract.json")];
  const uri = ctxpack(seed, at("store")).trim();
  writeFileSync(at("uri"), uri);
  const argv = ["attest", uri, "--keyless", "--signing-config", at("signing.json")];
  const [program = "", ...flags] = ctxpackCommand();
  runProgram(program, [...flags, ...argv], {
    CTXPACK_CACHE_DIR: at("store"),
    SIGSTORE_ID_TOKEN: identityToken(),
  });
}

/** The command that people call; what certificates are held against is a file. */
function verifying(bench: Bench): Round {
  const at = (name: string) => join(bench.scratch, name);
  const who = ["--identity", TEST_IDENTITY, "--issuer", TEST_ISSUER];
  const flags = [...who, "--trusted-root", at("trusted.json"), "--offline"];
  const uri = readFileSync(at("uri"), "utf8");
  return {
    title: "`ctxpack verify` of a small pack by a certificate, the whole command",
    runs: RUNS,
    contenders: [
      {
        name: "with `--identity` and `--trusted-root`",
        ours: true,
        argv: () => [...ctxpackCommand(), "verify", uri, ...flags],
        env: () => ({ CTXPACK_CACHE_DIR: at("store") }),
      },
      nodeStart,
    ],
  };
}

function run(name: string, ...args: string[]): string {
  const [node = "", ...flags] = nodeCommand();
  return runProgram(node, [...flags, program(name), ...args]);
}

/** Waits until a file is there. Throws an Error after ten seconds. */
function waitFor(file: string): void {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; !existsSync(file); tries++) {
    if (tries === 200) throw new Error("sigstore's services do not start");
    Atomics.wait(flag, 0, 0, 50);
  }
}
