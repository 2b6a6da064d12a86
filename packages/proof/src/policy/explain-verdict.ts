import { spokenTime } from "./time.ts";
import type { CountedSigner, PolicyVerdict, Reason, Verdict } from "./verdict.ts";

/** Reasons of one policy that are told; a flooded pack has hundreds of them. */
const MAX_REASONS = 10;

/** Why a pack is accepted or refused, in sentences: one line each, details indented. */
export function explainVerdict(verdict: Verdict): string {
  const { accepted, pack, failure, policies } = verdict;
  const where = pack.pantry === undefined ? "" : ` of ${pack.pantry}`;
  const lines = [
    `${pack.uri}${where} is ${accepted ? "accepted" : "refused"}.`,
    ...policies.flatMap((policy) => policyLines(policy)),
  ];
  const told = policies.some(({ reasons }) => reasons[0] === failure);
  if (failure !== undefined && !told) lines.push(...reasonLines(failure, "  "));
  return lines.join("\n");
}

function policyLines({ file, accepted, rule, signers, time, reasons }: PolicyVerdict): string[] {
  if (accepted) {
    const by = signers.map(spokenCounted).join(", ");
    const when = time === undefined ? "" : `, seen by somebody else at ${spokenTime(time)}`;
    return [`  ${file} accepts it by rule ${(rule ?? 0) + 1}: signed by ${by}${when}.`];
  }
  const [first, ...others] = reasons;
  const more = others.length - (MAX_REASONS - 1);
  return [
    `  ${file} refuses it${rule === undefined ? "" : ` by rule ${rule + 1}`}:`,
    ...(first === undefined ? [] : reasonLines(first, "    ")),
    ...others.slice(0, MAX_REASONS - 1).flatMap((reason) => reasonLines(reason, "    ")),
    ...(more > 0 ? [`    and ${more} more proofs do not count`] : []),
  ];
}

function reasonLines({ message, hint }: Reason, indent: string): string[] {
  return [`${indent}- ${message}`, ...(hint === undefined ? [] : [`${indent}  ${hint}`])];
}

function spokenCounted(signer: CountedSigner): string {
  return `${signer.name} (${"keyId" in signer ? signer.keyId : signer.identity})`;
}
