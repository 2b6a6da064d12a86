import { type JsonValue, pointerSteps } from "@ctxpack/identity";
import type { WhyDifference } from "./explain.ts";
import type { FileChanges } from "./file-changes.ts";
import type { NearestContract } from "./why.ts";

/** Differences told in a line; `ctxpack why` tells all. */
const CLAUSES = 4;
/** A value in a sentence, in characters. */
const LONGEST_VALUE = 60;
/** Of a digest: its kind and some digits, in characters. */
const DIGEST_SHOWN = 17;
/** Files named in one line. */
const FILES_NAMED = 3;

/** Control characters, line ends, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Text of others with nothing left in it that a terminal obeys: file names come from whoever made a pack. */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What differs, in one line: the first few, and how many more there are. */
export function clausesOf(differences: readonly WhyDifference[]): string {
  const shown = differences.slice(0, CLAUSES).map(clauseOf);
  const rest = differences.length - shown.length;
  if (rest > 0) shown.push(`${rest} more (ctxpack why tells them)`);
  return shown.join("; ");
}

/** Which contract it was compared with: its first digits, its label, and where it is. */
export function describeNearest({ uri, name, tag, where, createdAt }: NearestContract): string {
  const digits = uri.slice("ctx://sha256:".length).slice(0, 12);
  const label = name ?? tag;
  const day = createdAt === undefined ? "" : `, of ${createdAt.slice(0, 10)}`;
  const place = where === "store" ? "in the store" : `in ${where}`;
  return `${digits}${label === undefined ? "" : ` "${printable(label)}"`} ${place}${day}`;
}

/** One difference as a clause: `chunk_size 512 → 256 (transforms[0].params.chunk_size)`. */
function clauseOf(difference: WhyDifference): string {
  const { pointer, kind, before, after, env, files, note } = difference;
  const path = dotted(pointer);
  const what = printable(subjectOf(pointer));
  if (files !== undefined) return filesClause(files, what);
  if (env !== undefined) return `${envClause(difference)} (${path})`;
  if (kind === "added") return `${what} ${shortValue(after)} is new (${path})`;
  if (kind === "removed") return `${what} ${shortValue(before)} is gone (${path})`;
  if (isDigest(before) && isDigest(after)) {
    return `${what} has changed (${note === undefined ? path : `${path}; its files are not known`})`;
  }
  return `${what} ${shortValue(before)} → ${shortValue(after)} (${path})`;
}

/** What is said of a variable: that it differs, and never in what. */
function envClause({ env, kind }: WhyDifference): string {
  const name = printable(env?.name ?? "");
  if (kind === "added") return `the variable ${name} counts now`;
  if (kind === "removed") return `the variable ${name} does not count any more`;
  if (env?.before === env?.after) return `the variable ${name} has another value`;
  return `the variable ${name} was ${env?.before} and is ${env?.after}`;
}

function filesClause({ added, removed, changed }: FileChanges, what: string): string {
  const kinds = [
    { paths: changed, word: "changed" },
    { paths: added, word: "new" },
    { paths: removed, word: "gone" },
  ].filter(({ paths }) => paths.length > 0);
  const [first] = kinds;
  const all = kinds.flatMap(({ paths }) => paths);
  const shown = all.slice(0, FILES_NAMED).map(printable).join(", ");
  const more = all.length > FILES_NAMED ? ` and ${all.length - FILES_NAMED} more` : "";
  const counted = all.length === 1 ? "1 file" : `${all.length} files`;
  if (kinds.length === 1 && first !== undefined) {
    return `${counted} of ${what} ${first.word}: ${shown}${more}`;
  }
  const counts = kinds.map(({ paths, word }) => `${paths.length} ${word}`).join(", ");
  return `${counted} of ${what} differ (${counts}): ${shown}${more}`;
}

/** The name of what a pointer leads to, as people call it. */
function subjectOf(pointer: string): string {
  const steps = pointerSteps(pointer);
  const [top, second, third] = steps;
  if (top === "inputs" && second !== undefined && steps.length <= 3) return second;
  if (top === "transforms" && third === "code_hash") return "the code";
  if (top === "transforms" && steps.length === 2) return `transform ${second}`;
  const last = steps.at(-1) ?? "";
  const isIndex = /^\d+$/.test(last) && steps.length > 1;
  return isIndex ? `${steps.at(-2)}[${last}]` : last;
}

/** A pointer as programs write it: `transforms[0].params.chunk_size`. */
function dotted(pointer: string): string {
  let path = "";
  for (const step of pointerSteps(pointer)) {
    if (/^(?:0|[1-9]\d*)$/.test(step)) path += `[${step}]`;
    else if (/^[A-Za-z_][\w.-]*$/.test(step)) path += path === "" ? step : `.${step}`;
    else path += `[${printable(JSON.stringify(step))}]`;
  }
  return path;
}

function isDigest(value: JsonValue | undefined): boolean {
  return typeof value === "string" && /^(?:sha256|dirHash1):[0-9a-f]{64}$/.test(value);
}

function shortValue(value: JsonValue | undefined): string {
  if (isDigest(value)) return `${String(value).slice(0, DIGEST_SHOWN)}…`;
  const text = printable(JSON.stringify(value) ?? "");
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}
