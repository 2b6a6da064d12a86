import { CtxPackError } from "@ctxpack/identity";
import { askPantries, identifySubject } from "../find.ts";
import type { FoundPack } from "../pantry.ts";
import type { Session } from "../session.ts";
import { type WorkOptions, workOf } from "../work.ts";
import { isMadeHere } from "./acceptance.ts";
import { PolicyGate } from "./policy-gate.ts";
import { readPolicyFile } from "./policy-pin.ts";

export interface ExplainPolicyOptions extends WorkOptions {
  /** Of packs in this pantry only: `host/repository` or `oci:` and an absolute path. */
  readonly pantry?: string | undefined;
  /** Of packs by these tools only. */
  readonly tools?: readonly string[] | undefined;
}

/** What every policy that is in force takes, in sentences. Throws CTXPACK_E_USAGE when none is. */
export async function explainPolicies(
  session: Session,
  options: ExplainPolicyOptions,
): Promise<readonly { readonly file: string; readonly text: string }[]> {
  const { pantry, tools } = options;
  const { signal } = workOf(options);
  const { explainPolicy } = await import("@ctxpack/proof");
  const isNarrow = pantry !== undefined || tools !== undefined;
  const selection = isNarrow
    ? { ...(pantry !== undefined && { pantry }), ...(tools !== undefined && { tools }) }
    : undefined;
  return await Promise.all(
    filesOf(session).map(async (file) => ({
      file,
      text: explainPolicy(await readPolicyFile(file, session.policyPin, signal), selection),
    })),
  );
}

/** Whether a pack would be accepted, and why, in sentences. */
export interface ExplainedPack {
  readonly uri: string;
  readonly accepted: boolean;
  readonly where: string;
  readonly text: string;
}

/**
 * Why the policies in force take a pack or do not. Throws CTXPACK_E_NOT_FOUND, CTXPACK_E_USAGE without a policy, and why a
 * trust root is not to be had on which the answer hangs.
 */
export async function explainPack(
  session: Session,
  subject: string,
  options: WorkOptions & { readonly from?: string | undefined },
): Promise<ExplainedPack> {
  const work = workOf(options);
  await using gate = new PolicyGate(session, filesOf(session), session.config);
  const { explainVerdict } = await import("@ctxpack/proof");
  const { uri, found } = await identifySubject(session, subject, work);
  const store = await session.store(work.signal);
  let local: ExplainedPack | undefined;
  let lacked: CtxPackError | undefined;
  const record = options.from === undefined ? await store.get(uri) : undefined;
  if (record && !record.partial && !found) {
    const proofs = await store.proofs(uri);
    if (isMadeHere(record, proofs)) {
      const text = `${uri} was made here: no policy is asked about it.`;
      return { uri, accepted: true, where: "store", text };
    }
    const judged = await gate.storedVerdict(store, record, { proofs }, work.signal);
    const { verdict } = judged;
    lacked = judged.lacked;
    const text = explainVerdict(verdict);
    local = { uri, accepted: verdict.accepted, where: "store", text };
    if (verdict.accepted) return local;
  }
  const candidates: AsyncIterable<{ found: FoundPack | undefined }> | { found: FoundPack }[] = found
    ? [{ found }]
    : askPantries(session, uri, options.from, work);
  for await (const { found: one } of candidates) {
    if (one === undefined) continue;
    const judged = await gate.wholeVerdict(one, work.signal);
    if (judged.lacked !== undefined) throw judged.lacked;
    const { verdict } = judged;
    const text = explainVerdict(verdict);
    return { uri, accepted: verdict.accepted, where: one.address, text };
  }
  if (lacked !== undefined) throw lacked;
  if (local !== undefined) return local;
  throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${uri} is in no pantry that was asked`, {
    hint: "name one with --from",
    details: { uri },
  });
}

function filesOf({ config }: Session): readonly string[] {
  if (config.policies.length > 0) return config.policies;
  throw new CtxPackError("CTXPACK_E_USAGE", "no policy is in force", {
    hint: 'name one: --policy FILE, CTXPACK_POLICY, or "policy" in ctxpack.config.json',
  });
}
