import { dirname, resolve } from "node:path";
import { compilePattern } from "@ctxpack/identity";
import { parseDocument } from "@ctxpack/identity/schema";
import { PROVENANCE_TYPE } from "../statement/predicate-type.ts";
import { FULCIO_EXTENSIONS } from "./fulcio.ts";
import { inlineKeyProblems } from "./key.ts";
import { compilePantryPattern } from "./pantry-pattern.ts";
import { validatePolicy } from "./policy.generated.ts";
import {
  MAX_POLICY,
  type NamedSigner,
  type Policy,
  policyDigest,
  type Requirement,
  type Revocation,
  type Rule,
  type TrustRootSource,
} from "./policy.ts";
import { policyProblems } from "./rules.ts";
import { durationMs, timeOf } from "./time.ts";
import type { WrittenPolicy, WrittenRequirement, WrittenRule, WrittenSigner } from "./written.ts";

/**
 * Reads a policy file (docs/policy.md). What it names by a relative path lies beside it; nothing is opened here.
 *
 * @throws CtxPackError `CTXPACK_E_CONFIG`: `file:line:column: /json/pointer: what is wrong`, for the first thing
 *   that is wrong.
 */
export function parsePolicy(text: string | Uint8Array, file: string): Policy {
  const document = parseDocument(text, {
    file,
    code: "CTXPACK_E_CONFIG",
    maxBytes: MAX_POLICY,
    validate: validatePolicy,
  });
  const written = document.value as unknown as WrittenPolicy;
  const [first, ...others] = [...policyProblems(written), ...inlineKeyProblems(written.signers)];
  if (first !== undefined) throw document.error([first, ...others]);
  const path = resolve(file);
  const folder = dirname(path);
  return {
    file,
    path,
    digest: policyDigest(text),
    trustRoots: mapValues(written.trustRoots ?? {}, (root) => toTrustRoot(root, folder)),
    signers: mapValues(written.signers, (signer) => toSigner(signer, folder)),
    rules: written.rules.map((rule) => toRule(rule, folder)),
    revoked: (written.revoked ?? []) as readonly Revocation[],
  };
}

function toTrustRoot(
  root: NonNullable<WrittenPolicy["trustRoots"]>[string],
  folder: string,
): TrustRootSource {
  const { tuf, root: pinned, file, sha256 = "" } = root;
  if (file !== undefined) return { kind: "file", file: resolve(folder, file), sha256 };
  return {
    kind: "tuf",
    mirror: tuf as string,
    ...(pinned !== undefined && { root: { file: resolve(folder, pinned), sha256 } }),
  };
}

function toSigner(signer: WrittenSigner, folder: string): NamedSigner {
  const { publicKey, publicKeyFile, keyId, identity, identityPattern } = signer;
  if (publicKey === undefined && publicKeyFile === undefined) {
    return {
      kind: "identity",
      identity:
        identityPattern === undefined
          ? { exact: identity as string }
          : { pattern: identityPattern },
      issuer: signer.issuer as string,
      trustRoot: signer.trustRoot as string,
      extensions: new Map(
        Object.entries(signer.extensions ?? {}).map(([name, value]) => [
          FULCIO_EXTENSIONS[name] as string,
          value,
        ]),
      ),
      logEntries: signer.logEntries ?? 1,
      times: signer.times ?? 1,
    };
  }
  const time = (name: "validFrom" | "validUntil" | "revokedAt") => {
    const text = signer[name];
    return text === undefined ? {} : { [name]: timeOf(text) };
  };
  return {
    kind: "key",
    key:
      publicKeyFile === undefined
        ? { text: publicKey as string }
        : { file: resolve(folder, publicKeyFile), keyId: keyId as string },
    ...time("validFrom"),
    ...time("validUntil"),
    ...time("revokedAt"),
    logEntries: signer.logEntries ?? 0,
    times: signer.times ?? 0,
  };
}

function toRule(rule: WrittenRule, folder: string): Rule {
  const { pantries, tools } = rule;
  return {
    ...(pantries && { pantries: pantries.map((text) => compilePantryPattern(text, folder)) }),
    ...(tools && { tools: tools.map(compilePattern) }),
    require: rule.require.map(toRequirement),
    rollback: rule.rollback ?? "deny",
    dependencies: rule.dependencies ?? "digest",
  };
}

function toRequirement(one: WrittenRequirement): Requirement {
  const { predicateType = PROVENANCE_TYPE, buildTypes, externalParameters, maxAge } = one;
  const notBefore = one.notBefore === undefined ? undefined : timeOf(one.notBefore);
  return {
    predicateType,
    allowed: one.builders
      ? one.builders.map(({ id, signers }) => ({ builder: id, signers }))
      : [{ signers: one.signers ?? [] }],
    threshold: one.threshold ?? 1,
    ...(predicateType === PROVENANCE_TYPE && {
      provenance: {
        ...(buildTypes && { buildTypes }),
        ...(externalParameters?.allow && { allow: externalParameters.allow }),
        equals: new Map(Object.entries(externalParameters?.equals ?? {})),
      },
    }),
    ...(maxAge !== undefined && { maxAge: durationMs(maxAge) }),
    ...(notBefore && { notBefore }),
  };
}

function mapValues<T, U>(
  table: Readonly<Record<string, T>>,
  map: (value: T) => U,
): ReadonlyMap<string, U> {
  return new Map(Object.entries(table).map(([name, value]) => [name, map(value)]));
}
