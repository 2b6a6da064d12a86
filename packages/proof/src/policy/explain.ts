import { pointerSteps } from "@ctxpack/identity";
import { PROVENANCE_TYPE } from "../statement/predicate-type.ts";
import { FULCIO_EXTENSIONS } from "./fulcio.ts";
import type { NamedSigner, Policy, ProvenanceRules, Requirement, Rule } from "./policy.ts";
import { buildTypesOf, knownParameters } from "./provenance.ts";
import { type Selection, selectRule } from "./select.ts";
import { orList } from "./spoken.ts";
import { spokenDuration, spokenTime } from "./time.ts";

/**
 * What a policy takes, in sentences: one line each, details indented. Of packs in a pantry and by tools, if they are
 * named, else by all its rules.
 */
export function explainPolicy(policy: Policy, selection?: Selection): string {
  const lines =
    selection === undefined
      ? policy.rules.flatMap((rule, i) => ruleLines(policy, rule, i))
      : selectionLines(policy, selection);
  const rest = selection === undefined ? ["Packs that no rule is about are refused."] : [];
  return [...lines, ...rest, ...revokedLines(policy)].join("\n");
}

function selectionLines(policy: Policy, selection: Selection): string[] {
  const selected = selectRule(policy, selection);
  if (selected.rule !== undefined) return ruleLines(policy, selected.rule, selected.index);
  const where = selection.pantry ?? "no pantry";
  if (selected.why === "none") {
    const tools = selection.tools === undefined ? "" : ` by ${selection.tools.join(", ")}`;
    return [`Packs of ${where}${tools} are refused: no rule of ${policy.file} is about them.`];
  }
  const rules = policy.rules.filter(
    ({ pantries }) =>
      pantries === undefined || pantries.some((p) => p.matches(selection.pantry ?? "")),
  );
  return [
    `What packs of ${where} need hangs on the tool that made them:`,
    ...rules.flatMap((rule) => ruleLines(policy, rule, policy.rules.indexOf(rule))),
  ];
}

function ruleLines(policy: Policy, rule: Rule, index: number): string[] {
  const pantries = rule.pantries
    ? `Packs of ${orList(rule.pantries.map(({ text }) => text))}`
    : "Packs of any pantry";
  const tools = rule.tools ? ` made by ${orList(rule.tools.map(({ text }) => text))}` : "";
  return [
    `${pantries}${tools} are accepted (rule ${index + 1} of ${policy.file}) if all of this holds:`,
    ...rule.require.flatMap((one) => requirementLines(policy, one)),
    ...(rule.rollback === "deny"
      ? ["  - it is not older than what was accepted before of the same contract or name;"]
      : []),
    rule.dependencies === "verify"
      ? "  - every pack it was made from is accepted, too."
      : "  - what it was made from is named by digest.",
  ];
}

function requirementLines(policy: Policy, one: Requirement): string[] {
  const { threshold, allowed, provenance, maxAge, notBefore } = one;
  const many =
    threshold === 1 ? "at least one of these has" : `${threshold} different ones of these have`;
  const what = one.predicateType === PROVENANCE_TYPE ? "where it comes from" : one.predicateType;
  const signers = allowed.flatMap(({ builder, signers }) =>
    signers.map((name) => {
      const own = policy.signers.get(name);
      const only = builder === undefined ? "" : `, for builds by ${builder}`;
      return `      ${name}: ${own === undefined ? "nobody" : spokenNamed(own)}${only}`;
    }),
  );
  const equals = provenance === undefined ? [] : [...provenance.equals];
  return [
    `  - ${many} signed a statement of ${what}:`,
    ...signers,
    ...(provenance === undefined
      ? []
      : [
          `    about a build of type ${orList(buildTypesOf(provenance.buildTypes))},`,
          `    with ${spokenParameters(provenance)}${equals.length > 0 ? "," : ";"}`,
        ]),
    ...equals.map(([pointer, value]) => `    with ${pointer} being ${JSON.stringify(value)};`),
    ...(maxAge === undefined
      ? []
      : [`    seen by somebody else at most ${spokenDuration(maxAge)} ago;`]),
    ...(notBefore === undefined
      ? []
      : [`    seen by somebody else no earlier than ${spokenTime(notBefore)};`]),
  ];
}

function spokenParameters({ allow, buildTypes, equals }: ProvenanceRules): string {
  const types = buildTypesOf(buildTypes);
  if (allow === undefined && types.length > 1) {
    return "no external parameters but those that the build type defines";
  }
  const compared = [...equals.keys()].flatMap((pointer) => pointerSteps(pointer).slice(0, 1));
  const names = new Set([...(allow ?? knownParameters(types[0] ?? "")), ...compared]);
  return `no external parameters${names.size > 0 ? ` but ${[...names].join(", ")}` : ""}`;
}

/** A signer of a policy, as a person would say it. */
function spokenNamed(signer: NamedSigner): string {
  const witnesses = [
    ...(signer.times > 0 ? [`${signer.times} time${signer.times === 1 ? "" : "s"} of others`] : []),
    ...(signer.logEntries > 0
      ? [`${signer.logEntries} log entr${signer.logEntries === 1 ? "y" : "ies"}`]
      : []),
  ];
  const needs = witnesses.length > 0 ? `, with ${witnesses.join(" and ")}` : "";
  if (signer.kind === "key") {
    const { key, validFrom, validUntil, revokedAt } = signer;
    const own = "text" in key ? "the key in the policy" : `the key ${key.keyId} in ${key.file}`;
    const times = [
      ...(validFrom ? [`from ${spokenTime(validFrom)}`] : []),
      ...(validUntil ? [`until ${spokenTime(validUntil)}`] : []),
      ...(revokedAt ? [`revoked at ${spokenTime(revokedAt)}`] : []),
    ];
    return `${own}${times.length > 0 ? `, ${times.join(", ")}` : ""}${needs}`;
  }
  const { identity, issuer, extensions } = signer;
  const who = "exact" in identity ? identity.exact : `whoever matches ${identity.pattern}`;
  const more = [...extensions].map(([oid, value]) => {
    const name = Object.keys(FULCIO_EXTENSIONS).find((key) => FULCIO_EXTENSIONS[key] === oid);
    return `, ${name} ${value}`;
  });
  return `${who}, vouched for by ${issuer}${more.join("")}${needs}`;
}

function revokedLines({ revoked, file }: Policy): string[] {
  if (revoked.length === 0) return [];
  const shown = revoked.slice(0, 20).map((one) => {
    const what =
      "digest" in one ? one.digest : "uri" in one ? one.uri : `what the key ${one.key} signed`;
    return `  - ${what}: ${one.reason}`;
  });
  const more = revoked.length > 20 ? [`  - and ${revoked.length - 20} more`] : [];
  return [`Refused whoever signed it (${file}):`, ...shown, ...more];
}
