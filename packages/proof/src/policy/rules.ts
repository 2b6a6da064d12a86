import { CtxPackError, compilePattern, pointerOf } from "@ctxpack/identity";
import type { Problem } from "@ctxpack/identity/schema";
import { PUBLIC_GOOD } from "../keyless/public-good.ts";
import { PROVENANCE_TYPE } from "../statement/predicate-type.ts";
import { compilePantryPattern } from "./pantry-pattern.ts";
import { patternFault } from "./regular-expression.ts";
import { timeOf } from "./time.ts";
import type { WrittenPolicy, WrittenRequirement, WrittenSigner } from "./written.ts";

type Path = readonly (string | number)[];

/** The rules of a policy that a JSON Schema cannot say, for one that follows the schema. */
export function policyProblems(policy: WrittenPolicy): Problem[] {
  const roots = Object.keys(policy.trustRoots ?? {});
  const names = Object.keys(policy.signers);
  return [
    ...Object.entries(policy.trustRoots ?? {}).flatMap(([name, root]) =>
      rootProblems(root, ["trustRoots", name]),
    ),
    ...Object.entries(policy.signers).flatMap(([name, signer]) =>
      signerProblems(signer, roots, ["signers", name]),
    ),
    ...policy.rules.flatMap((rule, i) => [
      ...patternProblems(rule.pantries ?? [], compilePantry, ["rules", i, "pantries"]),
      ...patternProblems(rule.tools ?? [], compilePattern, ["rules", i, "tools"]),
      ...rule.require.flatMap((one, j) =>
        requirementProblems(one, names, ["rules", i, "require", j]),
      ),
    ]),
  ];
}

function rootProblems(root: NonNullable<WrittenPolicy["trustRoots"]>[string], at: Path): Problem[] {
  if (root.file !== undefined) {
    return [
      ...(root.sha256 === undefined
        ? [problem(at, '"sha256" is missing', "the digest of the file's bytes: sha256sum FILE")]
        : []),
      ...(root.root === undefined
        ? []
        : [problem([...at, "root"], "root belongs to a tuf mirror")]),
    ];
  }
  if (!isSafeMirror(root.tuf ?? "")) {
    return [problem([...at, "tuf"], "expected an https URL without a password")];
  }
  if ((root.root === undefined) !== (root.sha256 === undefined)) {
    return [problem(at, "root and sha256 go together", "sha256 is that of root's bytes")];
  }
  if (root.root === undefined && root.tuf?.replace(/\/$/, "") !== PUBLIC_GOOD.tufUrl) {
    const hint = "a root.json of the repository, got by a way that you trust, and its digest";
    return [problem(at, "root and sha256 are missing", hint)];
  }
  return [];
}

/** Metadata of TUF is signed; without TLS anybody on the way could still keep it from being renewed. */
function isSafeMirror(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username || password || search || hash) return false;
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return protocol === "https:" || (protocol === "http:" && loopback);
}

const KEY_MEMBERS = ["validFrom", "validUntil", "revokedAt"] as const;
const IDENTITY_MEMBERS = ["issuer", "trustRoot", "extensions"] as const;

function signerProblems(signer: WrittenSigner, roots: readonly string[], at: Path): Problem[] {
  const isKey = signer.publicKey !== undefined || signer.publicKeyFile !== undefined;
  const [foreign, owner] = isKey
    ? [IDENTITY_MEMBERS, "an identity"]
    : [[...KEY_MEMBERS, "keyId" as const], "a key"];
  return [
    ...foreign
      .filter((member) => signer[member] !== undefined)
      .map((member) => problem([...at, member], `${member} belongs to ${owner}`)),
    ...(isKey ? keyProblems(signer, at) : identityProblems(signer, roots, at)),
  ];
}

function keyProblems(signer: WrittenSigner, at: Path): Problem[] {
  const problems: Problem[] = [];
  if (signer.publicKeyFile !== undefined && signer.keyId === undefined) {
    const hint =
      "the fingerprint that ctxpack keygen printed: whoever can write the key's file is not to decide";
    problems.push(problem(at, '"keyId" is missing', hint));
  }
  if (signer.publicKey !== undefined && signer.keyId !== undefined) {
    problems.push(problem([...at, "keyId"], "keyId belongs to publicKeyFile"));
  }
  problems.push(...KEY_MEMBERS.flatMap((member) => timeProblems(signer[member], [...at, member])));
  const { validFrom, validUntil } = signer;
  if (validFrom !== undefined && validUntil !== undefined) {
    const [from, until] = [timeOf(validFrom), timeOf(validUntil)];
    if (from !== undefined && until !== undefined && until <= from) {
      problems.push(problem([...at, "validUntil"], "not later than validFrom"));
    }
  }
  return problems;
}

function identityProblems(signer: WrittenSigner, roots: readonly string[], at: Path): Problem[] {
  const problems: Problem[] = [];
  if (signer.issuer === undefined) {
    const hint =
      "who vouched for the identity, such as https://token.actions.githubusercontent.com";
    problems.push(problem(at, '"issuer" is missing', hint));
  }
  if (signer.trustRoot === undefined) {
    problems.push(problem(at, '"trustRoot" is missing', "the name of one of trustRoots"));
  } else if (!roots.includes(signer.trustRoot)) {
    problems.push(unknownName([...at, "trustRoot"], "trust root", signer.trustRoot, roots));
  }
  const fault = patternFault(signer.identityPattern ?? "");
  if (fault !== undefined) {
    problems.push(problem([...at, "identityPattern"], fault.replace(/^I/, "i")));
  }
  if (signer.times === 0) {
    const hint =
      "the certificate is valid for minutes: without a time nobody can tell whether it was";
    problems.push(problem([...at, "times"], "an identity needs at least one time", hint));
  }
  return problems;
}

function compilePantry(text: string): unknown {
  return compilePantryPattern(text, "/");
}

function patternProblems(
  patterns: readonly string[],
  compile: (text: string) => unknown,
  at: Path,
): Problem[] {
  return patterns.flatMap((pattern, i) => {
    try {
      compile(pattern);
      return [];
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      return [problem([...at, i], error.message, error.hint)];
    }
  });
}

function requirementProblems(
  one: WrittenRequirement,
  names: readonly string[],
  at: Path,
): Problem[] {
  const problems: Problem[] = [];
  const unknown = (given: readonly string[], where: Path): void => {
    for (const [i, name] of given.entries()) {
      if (!names.includes(name)) problems.push(unknownName([...where, i], "signer", name, names));
    }
  };
  unknown(one.signers ?? [], [...at, "signers"]);
  for (const [i, { signers }] of (one.builders ?? []).entries()) {
    unknown(signers, [...at, "builders", i, "signers"]);
  }
  const count = new Set([...(one.signers ?? []), ...(one.builders ?? []).flatMap((b) => b.signers)])
    .size;
  if (one.threshold !== undefined && one.threshold > count) {
    const message = `asks for ${one.threshold} signers, and ${count} ${count === 1 ? "is" : "are"} named`;
    problems.push(problem([...at, "threshold"], message));
  }
  if ((one.predicateType ?? PROVENANCE_TYPE) !== PROVENANCE_TYPE) {
    for (const member of ["builders", "buildTypes", "externalParameters"] as const) {
      if (one[member] === undefined) continue;
      problems.push(problem([...at, member], `only provenance has ${member}`));
    }
  }
  problems.push(...timeProblems(one.notBefore, [...at, "notBefore"]));
  return problems;
}

function timeProblems(text: string | undefined, at: Path): Problem[] {
  if (text === undefined || timeOf(text) !== undefined) return [];
  return [problem(at, `there is no such time: ${JSON.stringify(text)}`)];
}

function unknownName(at: Path, what: string, name: string, known: readonly string[]): Problem {
  const hint = known.length === 0 ? `there are none: write one` : `there are: ${known.join(", ")}`;
  return problem(at, `no ${what} is called ${JSON.stringify(name.slice(0, 80))}`, hint);
}

function problem(path: Path, message: string, hint?: string): Problem {
  return { pointer: pointerOf(path), message, hint };
}
