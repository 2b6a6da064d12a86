import type { CtxUri } from "@ctxpack/identity";
import { escapeHtml } from "@ctxpack/trace/page";
import type { ReportedPack } from "../pack.ts";
import { count, digits } from "./units.ts";

const TRUST: Readonly<Record<ReportedPack["trust"], string>> = {
  own: "made here",
  accepted: "accepted",
  lapsed: "accepted before",
  signed: "not judged",
  unsigned: "nobody vouches",
};

/** Whose word there is for a pack. */
export function trustWords({ trust, proofs }: ReportedPack): string {
  const signatures = proofs?.signatures.length ?? 0;
  if (signatures === 0) return TRUST[trust];
  return `${TRUST[trust]}, ${count(signatures, "signature")}`;
}

/** A pack by its name and first digits, as a link where the page has a row of it. */
export function packLink(
  uri: CtxUri,
  known: ReadonlyMap<CtxUri, Pick<ReportedPack, "name">>,
  hasRow: (uri: CtxUri) => boolean,
): string {
  const short = escapeHtml(digits(uri));
  const name = known.get(uri)?.name;
  const text = name === undefined ? short : `${escapeHtml(name)} <code>${short}</code>`;
  if (!known.has(uri)) return `<code>${short}</code> <span class="note">not in this store</span>`;
  return hasRow(uri) ? `<a href="#p${short}">${text}</a>` : text;
}
