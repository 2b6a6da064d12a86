import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeStart } from "./floors.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, findProgram, nodeCommand, runProgram } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";

const SIGN_BUNDLE = fileURLToPath(new URL("./sign-bundle.js", import.meta.url));
const VERIFY_BUNDLE = fileURLToPath(new URL("./verify-bundle.js", import.meta.url));
const SIGNATURES = fileURLToPath(new URL("./signatures.js", import.meta.url));

/** Runs that take a tenth of a second: as many as make a median that holds. */
const RUNS = 15;

/** What signing a statement with a key of one's own may take, in milliseconds, for 95 of 100. */
const SIGN_P95_MS = 10;

/** What a proof costs: signing with a key, and verifying with it. */
export const sign: Question = {
  name: "sign",
  about: "verify a bundle with a key against `node -e 0` and openssl; sign a thousand in process",
  programs: ["openssl"],
  whys: {
    openssl:
      "It checks one signature of bytes that are named to it: no envelope, no statement, no digest of the pack.",
  },
  *rounds(bench) {
    yield verify(bench);
    yield command(bench);
  },
};

function verify(bench: Bench): Round {
  const folder = join(bench.scratch, "signed");
  mkdirSync(folder);
  const [node = "", ...flags] = nodeCommand();
  runProgram(node, [...flags, SIGN_BUNDLE, folder]);
  const file = (name: string) => join(folder, name);
  const [bundle, key] = [file("bundle.sigstore.json"), file("k.pub")];
  return {
    title: "Verifying one bundle with a public key, as a whole process",
    runs: RUNS,
    contenders: [
      {
        name: "`verifyBundle`, the library alone",
        ours: true,
        argv: () => [...nodeCommand(), VERIFY_BUNDLE, bundle, key],
      },
      nodeStart,
      ...openssl(bench, key, file("signature"), file("message")),
    ],
    check: () => expectQuick(bench),
  };
}

/** The command that people call: a pack of one small file in the store, its proof beside it. */
function command(bench: Bench): Round {
  const at = (name: string) => join(bench.scratch, name);
  const store = at("store");
  mkdirSync(at("output"));
  writeFileSync(join(at("output"), "a.txt"), "a");
  writeFileSync(at("contract.json"), JSON.stringify({ transforms: [{ tool: "t" }] }));
  const uri = ctxpack(["seed", at("output"), "--contract", at("contract.json")], store).trim();
  ctxpack(["keygen", "--out", at("k.pem")], store);
  ctxpack(["attest", uri, "--key", at("k.pem")], store);
  const env = () => ({ CTXPACK_CACHE_DIR: store });
  const verify = (...flags: string[]) => [...ctxpackCommand(), "verify", uri, ...flags];
  return {
    title: "`ctxpack verify` of a small pack, the whole command",
    runs: RUNS,
    contenders: [
      { name: "with `--key`", ours: true, argv: () => verify("--key", at("k.pub")), env },
      { name: "of the bytes alone", ours: true, argv: () => verify(), env },
      nodeStart,
    ],
  };
}

function openssl(bench: Bench, key: string, signature: string, message: string): Contender[] {
  if (!findProgram("openssl")) {
    bench.note("skipped: openssl is absent");
    return [];
  }
  const argv = ["openssl", "dgst", "-sha256", "-verify", key, "-signature", signature, message];
  return [{ name: "`openssl dgst -verify`, the signature alone", floor: true, argv: () => argv }];
}

interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

type Figures = Readonly<Record<string, { size: number; sign: Percentiles; verify: Percentiles }>>;

function expectQuick(bench: Bench): void {
  const count = bench.scale === "full" ? "1000" : "20";
  const [node = "", ...flags] = nodeCommand();
  const figures = JSON.parse(runProgram(node, [...flags, SIGNATURES, count])) as Figures;
  for (const [algorithm, { size, sign, verify }] of Object.entries(figures)) {
    const shown = ({ p50, p95 }: Percentiles) => `${p50.toFixed(2)} ms (p95 ${p95.toFixed(2)})`;
    bench.note(
      `${algorithm}, a bundle of ${size} bytes, in process: signed in ${shown(sign)}, verified in ${shown(verify)}`,
    );
    if (bench.scale === "full" && sign.p95 > SIGN_P95_MS) {
      throw new Error(`signing with ${algorithm}: p95 ${sign.p95} ms, allowed ${SIGN_P95_MS}`);
    }
  }
}
