import { CtxPackError } from "@ctxpack/identity";
import { systemError } from "../file/system-error.ts";
import { type HashedFile, type HashFilesOptions, hashFiles } from "../hash/files.ts";
import type { VerifiedSigner } from "../verify/verified-bundle.ts";
import { type FileCheck, planChecks } from "./checks.ts";
import { isEarlier, type ProofEnvelope } from "./envelope.ts";
import { type EnvelopeIssue, mismatch, refused, unreadable } from "./issue.ts";
import { merkleRoot } from "./merkle.ts";
import { type PassageFault, passageFault } from "./quote.ts";
import { type SignatureOptions, verifySignatures } from "./signatures.ts";
import { stageIssues } from "./stage-check.ts";
import { getProofEnvelopeValidator } from "./validator.ts";

/** What an envelope is verified against. */
export interface VerifyEnvelopeOptions extends HashFilesOptions {
  /** The folder that files are named relative to: that of the envelope. */
  readonly base: string;
  /** A folder with what URLs answered: each body in a file that is called by its SHA-256 in hex. */
  readonly snapshots?: string | undefined;
  /** Whose signature is asked for. Without it signatures are not looked at. */
  readonly signatures?: SignatureOptions | undefined;
}

/** What verifying an envelope found. */
export interface EnvelopeVerdict {
  /** There is no issue. What is in `unchecked` was not looked at. */
  readonly valid: boolean;
  readonly issues: readonly EnvelopeIssue[];
  /** JSON pointers of what could not be checked: a URL without snapshot, a commit, a signature nobody asked for. */
  readonly unchecked: readonly string[];
  /** Who signed the envelope, as far as `signatures` knows them. */
  readonly signers: readonly VerifiedSigner[];
}

/**
 * Verifies an envelope: the artifact, every file of the bundle and of the evidence by its digest, the Merkle root, line
 * ranges and quotes in the text itself, snapshots of URLs, what is sealed where it can be read, and, when asked, who
 * signed. Nothing that is found wrong throws; issues are in the order of the envelope whatever the concurrency.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_BUNDLE` for a value that is no envelope; `CTXPACK_E_USAGE`; `signal.reason`.
 */
export async function verifyProofEnvelope(
  envelope: ProofEnvelope,
  options: VerifyEnvelopeOptions,
): Promise<EnvelopeVerdict> {
  const fault = getProofEnvelopeValidator()(envelope);
  if (fault !== undefined) {
    const { pointer, message } = fault;
    throw new CtxPackError("CTXPACK_E_PROOF_BUNDLE", `proof envelope${pointer}: ${message}`);
  }
  const plan = planChecks(envelope, options);
  const files = await checkFiles(plan.files, options);
  const merkle = checkMerkle(envelope);
  const stage = await stageIssues(envelope, options);
  const signed = await verifySignatures(envelope, options.signatures, {
    metrics: options.metrics,
    signal: options.signal,
  });
  const issues = [...stage, ...files.issues, ...merkle.issues, ...signed.issues];
  return {
    valid: issues.length === 0,
    issues,
    unchecked: [...plan.unchecked, ...files.unchecked, ...merkle.unchecked, ...signed.unchecked],
    signers: signed.signers,
  };
}

/**
 * Refuses an envelope with issues.
 *
 * @throws CtxPackError with the code of the first issue, naming it; `details.issues` has all.
 */
export function requireValid(verdict: EnvelopeVerdict, name: string): void {
  const [first, ...others] = verdict.issues;
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  throw new CtxPackError(first.error, `${name}: ${first.message}${more}`, {
    hint: "ctxpack proof verify says everything that is wrong with it",
    details: { issues: verdict.issues },
  });
}

interface Found {
  readonly issues: EnvelopeIssue[];
  readonly unchecked: string[];
}

/** Each file is read once for its digest, however often it is named; passages are looked for in those that are right. */
async function checkFiles(
  checks: readonly FileCheck[],
  options: VerifyEnvelopeOptions,
): Promise<Found> {
  const paths = checks.flatMap(({ place }) => ("path" in place ? [place.path] : []));
  const hashed = await hashFiles([...new Set(paths)], options);
  const byPath = new Map(hashed.map((file) => [file.path, file]));
  const found: Found = { issues: [], unchecked: [] };
  for (const check of checks) {
    const { place } = check;
    const file = "path" in place ? byPath.get(place.path) : undefined;
    const error = "error" in place ? place.error : file && "error" in file ? file.error : undefined;
    if (error !== undefined) notRead(check, error, found);
    else await checkRead(check, file as Readable, options, found);
  }
  return found;
}

type Readable = HashedFile & { readonly digest: string };

function notRead(check: FileCheck, error: CtxPackError, found: Found): void {
  const absent = error.code === "CTXPACK_E_PATH_NOT_FOUND" || error.code === "CTXPACK_E_PERMISSION";
  if (check.optional && absent) found.unchecked.push(check.pointer);
  else found.issues.push(unreadable(check.unreadable, check.pointer, error));
}

async function checkRead(
  check: FileCheck,
  file: Readable,
  options: VerifyEnvelopeOptions,
  found: Found,
): Promise<void> {
  const { passage, pointer, shown } = check;
  if (file.digest !== `sha256:${check.sha256}`) {
    const message = `${shown} is not what was proved: sha256 ${file.digest.slice(7)}, not ${check.sha256}`;
    found.issues.push(mismatch(check.mismatch, pointer, message));
    return;
  }
  if (passage === undefined) return;
  try {
    const fault = await passageFault(file.path, passage, options.signal);
    if (fault !== undefined) found.issues.push(passageIssue(fault, check));
  } catch (error) {
    options.signal?.throwIfAborted();
    found.issues.push(refused(check.unreadable, pointer, systemError(error, file.path)));
  }
}

function passageIssue(fault: PassageFault, { passage, pointer, shown }: FileCheck): EnvelopeIssue {
  const { start, end } = passage?.lines ?? {};
  const where = start === undefined ? shown : `lines ${start} to ${end} of ${shown}`;
  switch (fault) {
    case "lines":
      return mismatch("evidence-lines-mismatch", `${pointer}/lines`, `there are no ${where}`);
    case "quote":
      return mismatch(
        "evidence-quote-mismatch",
        `${pointer}/quote`,
        `the quote does not stand in ${where}`,
      );
    case "quote-hash":
      return mismatch(
        "evidence-quote-hash-mismatch",
        `${pointer}/quoteSha256`,
        `quoteSha256 is not that of ${passage?.quote === undefined ? where : "the quote"}`,
      );
  }
}

/** How the earlier system meant the root to be computed it never said. */
function checkMerkle(envelope: ProofEnvelope): Found {
  const { files = [], merkleRoot: root } = envelope.bundle ?? {};
  const pointer = "/bundle/merkleRoot";
  if (root === undefined) return { issues: [], unchecked: [] };
  if (isEarlier(envelope)) return { issues: [], unchecked: [pointer] };
  const message = "merkleRoot is not that of the bundle's files";
  return {
    issues: root === merkleRoot(files) ? [] : [mismatch("merkle-root-mismatch", pointer, message)],
    unchecked: [],
  };
}
