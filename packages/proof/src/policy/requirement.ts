import type { VerifiedBundle } from "../verify/verified-bundle.ts";
import type { LoadedPolicy } from "./load.ts";
import { parametersFault } from "./parameters.ts";
import type { Requirement, Rule } from "./policy.ts";
import { buildTypesOf, contractFault, type ProvenanceFacts, readProvenance } from "./provenance.ts";
import { dependencyFault, revokedKey, revokedPart } from "./revoked.ts";
import { identityFault, isSigner, signatureFault, spokenSigner, witnessedAt } from "./signer.ts";
import { orList, shortDigest } from "./spoken.ts";
import { spokenDuration, spokenTime } from "./time.ts";
import type { JudgedDependency, JudgedPack, Reason } from "./verdict.ts";

/** What a bundle is held against. */
export interface Standard {
  readonly policy: LoadedPolicy;
  readonly rule: Rule;
  readonly requirement: Requirement;
  readonly pack: JudgedPack;
  readonly now: Date;
  /** What was found out about packs that it may be made from, by manifest digest. */
  readonly dependencies: ReadonlyMap<string, boolean>;
}

/** What came of a bundle. */
export type Judged =
  /** The names of the policy that its signer counts as. */
  | { readonly counts: true; readonly names: readonly string[] }
  | {
      readonly counts: false;
      readonly reason: Reason;
      /** How many checks it passed: the one that came furthest has the best reason. */
      readonly progress: number;
      readonly unjudged?: readonly JudgedDependency[];
    };

/** A check: what is wrong, or nothing. */
type Check = () => Reason | undefined;

/** Holds a bundle against one requirement of a rule, in the order of verification's steps. */
export function judgeBundle(bundle: VerifiedBundle, standard: Standard): Judged {
  const { policy, requirement, now } = standard;
  const may = requirement.allowed.flatMap(({ builder, signers }) =>
    signers
      .filter((name) => isSigner(name, bundle.signer, policy))
      .map((name) => ({ name, builder })),
  );
  const able = may.filter(({ name }) => !signatureFault(name, policy, bundle, now));
  const unjudged: JudgedDependency[] = [];
  let provenance: ProvenanceFacts | undefined;
  const checks: Check[] = [
    () => subjectFault(bundle, standard),
    () => (may.length === 0 ? signerFault(bundle, standard) : undefined),
    () => (able.length === 0 ? signatureFault(may[0]?.name ?? "", policy, bundle, now) : undefined),
    () => revokedKey(bundle, policy),
    () => predicateFault(bundle, requirement),
    () => {
      if (requirement.provenance === undefined) return undefined;
      const read = readProvenance(bundle.statement);
      if ("code" in read) return read;
      provenance = read;
      return undefined;
    },
    () => provenance && buildTypeFault(provenance, requirement),
    () => provenance && builderFault(provenance, able, bundle, standard),
    () => provenance && contractFault(provenance, standard.pack),
    () => provenance && parameterReason(provenance, requirement),
    () => freshnessFault(bundle, requirement, now),
    () => provenance && revokedPart(provenance, policy),
    () => provenance && dependencyFault(provenance, standard, unjudged),
  ];
  for (const [progress, check] of checks.entries()) {
    const found = check();
    if (found === undefined) continue;
    const message = `the proof ${shortDigest(bundle.digest)} ${found.message}`;
    const reason = { ...found, message, bundle: bundle.digest };
    return { counts: false, reason, progress, ...(unjudged.length > 0 && { unjudged }) };
  }
  const builder = provenance?.builderId;
  const names = able
    .filter((one) => one.builder === undefined || one.builder === builder)
    .map(({ name }) => name);
  return { counts: true, names: [...new Set(names)] };
}

function subjectFault({ statement }: VerifiedBundle, { pack }: Standard): Reason | undefined {
  const hex = pack.manifest.slice("sha256:".length);
  if (statement.subject.some(({ digest }) => digest["sha256"] === hex)) return undefined;
  const [first] = statement.subject;
  return {
    code: "CTXPACK_E_PROOF_SUBJECT",
    message: `is about sha256:${first?.digest["sha256"] ?? "something else"}, not about ${pack.manifest}`,
    hint: "a proof of another pack was put beside this one",
  };
}

function signerFault(bundle: VerifiedBundle, { policy, requirement }: Standard): Reason {
  const names = requirement.allowed.flatMap(({ signers }) => signers);
  const who = spokenSigner(bundle.signer, policy);
  for (const name of names) {
    const fault = identityFault(name, bundle.signer, policy);
    if (fault === undefined) continue;
    const message = `is signed by ${who}, which is not ${name} of ${policy.file}: ${fault}`;
    return { code: "CTXPACK_E_PROOF_SIGNER", message };
  }
  return {
    code: "CTXPACK_E_PROOF_SIGNER",
    message: `is signed by ${who}; ${policy.file} asks for ${orList(names)}`,
    hint: `if that signer is to be believed, name it in signers and in the rule of ${policy.file}`,
  };
}

function predicateFault({ statement }: VerifiedBundle, one: Requirement): Reason | undefined {
  const { predicateType } = statement;
  if (predicateType === one.predicateType) return undefined;
  return {
    code: "CTXPACK_E_PROOF_PREDICATE",
    message: `states ${predicateType}; the policy asks for ${one.predicateType}`,
  };
}

function buildTypeFault({ buildType }: ProvenanceFacts, one: Requirement): Reason | undefined {
  const wanted = buildTypesOf(one.provenance?.buildTypes);
  if (wanted.includes(buildType)) return undefined;
  return {
    code: "CTXPACK_E_PROOF_PREDICATE",
    message: `is about a build of type ${buildType}; the policy asks for ${orList(wanted)}`,
    hint: "buildTypes of the rule's requirement lists what is taken",
  };
}

function builderFault(
  { builderId }: ProvenanceFacts,
  able: readonly { readonly name: string; readonly builder: string | undefined }[],
  bundle: VerifiedBundle,
  { policy }: Standard,
): Reason | undefined {
  if (able.some(({ builder }) => builder === undefined || builder === builderId)) return undefined;
  const allowed = [...new Set(able.flatMap(({ builder }) => builder ?? []))];
  const who = spokenSigner(bundle.signer, policy);
  return {
    code: "CTXPACK_E_PROOF_BUILDER",
    message: `says that it was built by ${builderId}; ${who} may vouch for ${orList(allowed)} only`,
  };
}

function parameterReason(provenance: ProvenanceFacts, one: Requirement): Reason | undefined {
  const fault = one.provenance && parametersFault(one.provenance, provenance);
  if (fault === undefined) return undefined;
  return { code: "CTXPACK_E_PROOF_PARAMETERS", message: `has ${fault}` };
}

function freshnessFault(bundle: VerifiedBundle, one: Requirement, now: Date): Reason | undefined {
  const { maxAge, notBefore } = one;
  if (maxAge === undefined && notBefore === undefined) return undefined;
  const code = "CTXPACK_E_PROOF_STALE";
  const at = witnessedAt(bundle);
  if (at === undefined) {
    return {
      code,
      message: "has no time that anybody but its signer vouches for, and the policy limits its age",
      hint: "sign with a timestamping authority or a transparency log",
    };
  }
  const age = now.getTime() - at.getTime();
  if (maxAge !== undefined && age > maxAge) {
    const message = `is ${spokenDuration(age)} old (${spokenTime(at)}); the policy takes ${spokenDuration(maxAge)}`;
    return { code, message, hint: "have the pack attested again" };
  }
  if (notBefore !== undefined && at < notBefore) {
    const message = `is of ${spokenTime(at)}; the policy takes nothing before ${spokenTime(notBefore)}`;
    return { code, message };
  }
  return undefined;
}
