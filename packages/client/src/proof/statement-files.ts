import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { getProofEnvelopeValidator, PROOF_SPEC, type ProofEnvelopeInput } from "@ctxpack/proof";

/** JSON files that say what an envelope says beside the files it is about. */
export interface StatementFiles {
  /** What the artifact was made by: `{"model": "…", "parameters": {…}, "tooling": {…}}`. */
  readonly runtime: string;
  /** Any object. */
  readonly context?: string | undefined;
  /** A list of evidence; `blobSha256` may be left out, `path` is relative to the envelope's folder. */
  readonly evidence?: string | undefined;
  /** A list of policy receipts. */
  readonly policy?: string | undefined;
  /** `{"otel": {"traceId": "…"}}`. */
  readonly trace?: string | undefined;
  /** `{"uri": "…", "sha256": "…"}` of context that is not for everybody. */
  readonly sealed?: string | undefined;
}

/** What the files say, checked. */
type StatementsInput = Pick<
  ProofEnvelopeInput,
  "publicContext" | "sealedContextRef" | "evidence" | "runtime" | "trace" | "policyReceipts"
>;

/** No statement has a megabyte. */
const LIMIT = 8 << 20;

/** Where each file's value stands in an envelope. */
const PLACES = {
  context: "/context/public",
  sealed: "/context/sealedRef",
  evidence: "/evidence",
  runtime: "/runtime",
  trace: "/trace",
  policy: "/policyReceipts",
} as const;

/**
 * Reads the JSON files that an envelope is made from; paths are relative to `cwd`.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`; `CTXPACK_E_CONFIG`, naming the file, for one that is not JSON, has a
 *   key twice, or does not fit into an envelope.
 */
export async function readStatementFiles(
  files: StatementFiles,
  options: { readonly cwd: string; readonly signal?: AbortSignal | undefined },
): Promise<StatementsInput> {
  const read = async (file: string | undefined) =>
    file === undefined ? undefined : await readJson(resolve(options.cwd, file), file, options);
  const [runtime, context = {}, evidence = [], policyReceipts, trace, sealedRef] = [
    await read(files.runtime),
    await read(files.context),
    await read(files.evidence),
    await read(files.policy),
    await read(files.trace),
    await read(files.sealed),
  ];
  const fault = getProofEnvelopeValidator()({
    proofSpec: PROOF_SPEC.name,
    specVersion: PROOF_SPEC.version,
    id: "0".repeat(26),
    issuedAt: "2026-01-01T00:00:00Z",
    actor: { agent: "a", role: "a" },
    artifact: { uri: "a", mime: "a", contentHash: { alg: "sha256", hex: "0".repeat(64) } },
    context: { public: context, ...(sealedRef !== undefined && { sealedRef }) },
    evidence: withDigests(evidence),
    runtime,
    ...(trace !== undefined && { trace }),
    ...(policyReceipts !== undefined && { policyReceipts }),
  });
  if (fault !== undefined) throw misfit(files, fault);
  return {
    publicContext: context,
    sealedContextRef: sealedRef,
    evidence,
    runtime,
    trace,
    policyReceipts,
  } as StatementsInput;
}

/** Evidence as it will be: a digest that is left out is computed. */
function withDigests(evidence: unknown): unknown {
  if (!Array.isArray(evidence)) return evidence;
  return evidence.map((one: unknown) => {
    const isFile = typeof one === "object" && one !== null && "type" in one && one.type === "file";
    return isFile ? { blobSha256: "0".repeat(64), ...one } : one;
  });
}

function misfit(
  files: StatementFiles,
  { pointer, message }: { readonly pointer: string; readonly message: string },
): CtxPackError {
  const [name, place] = Object.entries(PLACES).find(([, start]) => pointer.startsWith(start)) ?? [
    "runtime",
    "",
  ];
  const file = files[name as keyof StatementFiles] ?? name;
  const rest = pointer.slice(place.length);
  return new CtxPackError("CTXPACK_E_CONFIG", `${file}${rest && `, ${rest}`}: ${message}`, {
    hint: `--${name === "sealed" ? "sealed-ref" : name} takes a JSON file; schemas/proof-envelope.v1.json of @ctxpack/proof says what may be in it`,
    details: { path: file, pointer: rest },
  });
}

async function readJson(
  path: string,
  shown: string,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<unknown> {
  const place = { code: "CTXPACK_E_CONFIG", where: shown } as const;
  try {
    const { size } = await stat(path);
    if (size > LIMIT) {
      throw new CtxPackError(place.code, `${shown}: ${size} bytes, at most ${LIMIT} are allowed`);
    }
    return parseJson(await readFile(path, { signal }), place);
  } catch (error) {
    signal?.throwIfAborted();
    const { code } = error as { code?: string };
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    const options = { cause: error, details: { path: shown } };
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${shown} does not exist`, options);
  }
}
