import type { CtxPackErrorCode, EnvelopeVerdict, ProofFileReport } from "@ctxpack/client/proof";
import { CommandError, EXIT_CODES, failureOf } from "./exit.ts";
import { plural } from "./format.ts";
import type { Output } from "./output.ts";

/** What became of one file, as `--json` has it. */
type Row = Readonly<Record<string, unknown>>;

/** What a command over proofs says about a file that went well. */
export interface Described {
  /** Lines for a person; the first begins with `PASS` or `FAIL`. */
  readonly text: readonly string[];
  readonly plain: readonly (readonly string[])[];
  readonly row: Row;
  /** What is wrong with it all the same. */
  readonly codes?: readonly CtxPackErrorCode[];
}

/**
 * Prints reports in their order, each as soon as it is there, and ends with the gravest error of them, whatever the
 * order. Resolves to the exit code when that is not 0.
 */
export async function tellProofs<Result extends object>(
  reports: AsyncIterable<ProofFileReport<Result>>,
  describe: (report: Result & { readonly path: string }) => Described,
  output: Output,
): Promise<number | undefined> {
  const { json, plain } = output.options;
  const rows: Row[] = [];
  const codes: CtxPackErrorCode[] = [];
  let failed = 0;
  for await (const report of reports) {
    const told = report.error === undefined ? describe(report) : describeError(report);
    codes.push(...(told.codes ?? []));
    if (told.codes && told.codes.length > 0) failed++;
    if (json) rows.push(told.row);
    else output.result(plain ? fields(told.plain) : told.text.join("\n"), {});
  }
  const { gravest } = await import("@ctxpack/client/proof");
  const code = gravest(codes);
  if (code === undefined) {
    if (json) output.result("", { proofs: rows });
    return undefined;
  }
  const error = new CommandError(code, `${plural(failed, "proof")} failed`, hints[code]);
  const { message, hint, details } = failureOf(error);
  if (json) output.result("", { error: { code, message, hint, details }, proofs: rows });
  else output.failure(failureOf(error), error);
  return EXIT_CODES[code];
}

const hints: Partial<Record<CtxPackErrorCode, string>> = {
  CTXPACK_E_DIGEST_MISMATCH: "a file is not what was proved: get it back, or prove it anew",
  CTXPACK_E_PROOF_MISSING: "ctxpack proof sign signs it",
};

function describeError({
  path,
  error: { code, message, hint, details },
}: ProofFileReport<object> & { readonly error: object }): Described {
  return {
    text: [`FAIL ${path}`, `  ${message}`],
    plain: [["FAIL", path, code, "", message]],
    row: { path, valid: false, error: { code, message, hint, details } },
    codes: [code],
  };
}

/** What verifying an envelope found. */
export function describeVerdict(report: {
  readonly path: string;
  readonly verdict: EnvelopeVerdict;
}): Described {
  const { path, verdict } = report;
  const { issues, signers, unchecked, valid } = verdict;
  const word = valid ? "PASS" : "FAIL";
  return {
    text: [
      `${word} ${path}`,
      ...signers.map((signer) => `  signed by ${signerName(signer)}`),
      ...issues.map(({ message }) => `  ${message}`),
      ...(unchecked.length > 0 ? [`  not checked: ${unchecked.join(", ")}`] : []),
    ],
    plain: valid
      ? [[word, path]]
      : issues.map(({ code, pointer, message }) => [word, path, code, pointer, message]),
    row: { path, valid, issues, unchecked, signers },
    codes: issues.map(({ error }) => error),
  };
}

function signerName(signer: EnvelopeVerdict["signers"][number]): string {
  return signer.kind === "key"
    ? `${signer.name} (${signer.keyId})`
    : `${signer.identity} (${signer.issuer})`;
}

/** Values that end where a tab or a line would. */
function fields(rows: readonly (readonly string[])[]): string {
  return rows
    .map((row) => row.map((value) => value.replaceAll(/[\t\r\n]/g, " ")).join("\t"))
    .join("\n");
}
