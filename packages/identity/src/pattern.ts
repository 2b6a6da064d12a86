import { CtxPackError } from "./errors.ts";

/** One compiled pattern of a contract's `include`, `exclude` or `code` (DESIGN §4.2). */
export interface Pattern {
  /** The pattern as it was written. */
  readonly text: string;
  /** Whether the file at `path` (relative, `/`, NFC) matches. */
  matches(path: string): boolean;
  /** Whether a file somewhere below the folder `dir` could match; `""` is the root. */
  mayContain(dir: string): boolean;
  /** Whether every file below the folder `dir` matches, whatever its name. */
  covers(dir: string): boolean;
}

/** Which files of a tree count: those that match an include (default: all) and no exclude. */
export interface PathFilter {
  /** Whether the file at `path` (relative, `/`, NFC) counts; remembers which includes matched. */
  selects(path: string): boolean;
  /** Like `selects`, without counting as a match: for what may turn out not to be a file. */
  wouldSelect(path: string): boolean;
  /** Whether anything below the folder `dir` could count; if not, it need not be opened. */
  enters(dir: string): boolean;
  /** The includes, as written, that matched no file that counts so far. */
  unmatched(): string[];
}

const ANY_DEPTH = "**";
const STAR = 0x2a;
const QUESTION = 0x3f;

/**
 * Compiles one pattern: `*` is any run of characters but `/`, `?` one code point, `**` as a whole
 * segment any number of segments (none, too); everything else stands for itself, case-sensitively.
 * Matching takes at most (length of pattern × length of path) steps, whatever the pattern.
 * The pattern is put into NFC, like the paths it is compared with.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` with `details: {pattern, position}` (1-based, in characters).
 */
export function compilePattern(pattern: string): Pattern {
  return new SegmentPattern(pattern);
}

/**
 * Compiles include and exclude lists into one filter.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` as `compilePattern`.
 */
export function compileFilter(lists: {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}): PathFilter {
  return new ListFilter(
    (lists.include ?? []).map((text) => new SegmentPattern(text)),
    (lists.exclude ?? []).map((text) => new SegmentPattern(text)),
  );
}

class SegmentPattern implements Pattern {
  readonly text: string;
  readonly #segments: readonly string[];
  /** `#universal[i]`: segments from `i` on match every path of one or more segments. */
  readonly #universal: readonly boolean[];

  constructor(text: string) {
    this.text = text;
    this.#segments = parseSegments(text);
    this.#universal = universalFrom(this.#segments);
  }

  matches(path: string): boolean {
    return this.matchesParts(path.split("/"));
  }

  /** Greedy with one way back: only the last `**` ever needs to take more. */
  matchesParts(parts: readonly string[]): boolean {
    const segments = this.#segments;
    let at = 0;
    let part = 0;
    let deep = -1;
    let mark = 0;
    while (part < parts.length) {
      const segment = segments[at];
      if (segment === ANY_DEPTH) {
        deep = at++;
        mark = part;
      } else if (segment !== undefined && matchesName(segment, parts[part] ?? "")) {
        at++;
        part++;
      } else if (deep >= 0) {
        at = deep + 1;
        part = ++mark;
      } else {
        return false;
      }
    }
    while (segments[at] === ANY_DEPTH) at++;
    return at === segments.length;
  }

  mayContain(dir: string): boolean {
    return this.#after(dir).some((at) => at < this.#segments.length);
  }

  covers(dir: string): boolean {
    return this.#after(dir).some((at) => this.#universal[at] === true);
  }

  /** Where in the pattern one can stand after the segments of `dir`. */
  #after(dir: string): number[] {
    let states = this.#skip([0]);
    if (dir === "") return states;
    for (const part of dir.split("/")) {
      const next = new Set<number>();
      for (const at of states) {
        const segment = this.#segments[at];
        if (segment === ANY_DEPTH) next.add(at);
        else if (segment !== undefined && matchesName(segment, part)) next.add(at + 1);
      }
      states = this.#skip(next);
    }
    return states;
  }

  /** Adds the places reached by letting `**` stand for nothing. */
  #skip(states: Iterable<number>): number[] {
    const all = new Set<number>(states);
    for (const at of all) if (this.#segments[at] === ANY_DEPTH) all.add(at + 1);
    return [...all];
  }
}

class ListFilter implements PathFilter {
  readonly #include: readonly SegmentPattern[];
  readonly #exclude: readonly SegmentPattern[];
  #unmatched: SegmentPattern[];

  constructor(include: readonly SegmentPattern[], exclude: readonly SegmentPattern[]) {
    this.#include = include;
    this.#exclude = exclude;
    this.#unmatched = [...include];
  }

  selects(path: string): boolean {
    const parts = path.split("/");
    if (!this.#counts(parts)) return false;
    if (this.#unmatched.length > 0) {
      this.#unmatched = this.#unmatched.filter((pattern) => !pattern.matchesParts(parts));
    }
    return true;
  }

  wouldSelect(path: string): boolean {
    return this.#counts(path.split("/"));
  }

  enters(dir: string): boolean {
    if (this.#exclude.some((pattern) => pattern.covers(dir))) return false;
    return this.#include.length === 0 || this.#include.some((pattern) => pattern.mayContain(dir));
  }

  unmatched(): string[] {
    return this.#unmatched.map((pattern) => pattern.text);
  }

  #counts(parts: readonly string[]): boolean {
    if (this.#exclude.some((pattern) => pattern.matchesParts(parts))) return false;
    return (
      this.#include.length === 0 || this.#include.some((pattern) => pattern.matchesParts(parts))
    );
  }
}

/** Whether one name matches one segment. Code units will do for literals: both are well-formed. */
function matchesName(segment: string, name: string): boolean {
  let at = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < name.length) {
    const want = segment.charCodeAt(at);
    if (want === STAR) {
      star = at++;
      mark = n;
    } else if (want === QUESTION) {
      at++;
      n += widthAt(name, n);
    } else if (want === name.charCodeAt(n)) {
      at++;
      n++;
    } else if (star >= 0) {
      at = star + 1;
      mark += widthAt(name, mark);
      n = mark;
    } else {
      return false;
    }
  }
  while (segment.charCodeAt(at) === STAR) at++;
  return at === segment.length;
}

function widthAt(text: string, index: number): number {
  return (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
}

/**
 * For each place in a pattern, whether the rest of it matches every path of one or more segments: it is a
 * `**`, beside it at most one `*` (or `?*`), and nothing else.
 */
function universalFrom(segments: readonly string[]): boolean[] {
  const universal = segments.map(() => false);
  let deep = false;
  let singles = 0;
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i] ?? "";
    if (segment === ANY_DEPTH) deep = true;
    else if (++singles > 1 || !isAnyName(segment)) break;
    universal[i] = deep;
  }
  return universal;
}

function isAnyName(segment: string): boolean {
  const rest = segment.replaceAll("*", "");
  return segment.includes("*") && (rest === "" || rest === "?");
}

function parseSegments(text: string): string[] {
  if (!text.isWellFormed()) throw patternError(text, 1, "is not well-formed Unicode");
  const reserved = /[[\]{}!\\]/.exec(text);
  if (reserved) {
    throw patternError(text, reserved.index + 1, `has ${JSON.stringify(reserved[0])}`);
  }
  let position = 1;
  const segments = text.normalize("NFC").split("/");
  for (const [i, segment] of text.split("/").entries()) {
    if (segment === "" && i === 0 && text !== "")
      throw patternError(text, 1, "begins with a slash");
    if (segment === "") throw patternError(text, position, "has an empty segment");
    if (segment === "." || segment === "..") {
      throw patternError(text, position, `has the segment ${JSON.stringify(segment)}`);
    }
    position += segment.length + 1;
  }
  return segments;
}

/** `position` counts code units here and characters in the message. */
function patternError(pattern: string, position: number, what: string): CtxPackError {
  const characters = [...pattern.slice(0, position - 1)].length + 1;
  return new CtxPackError(
    "CTXPACK_E_USAGE",
    `the pattern ${JSON.stringify(pattern)} ${what} at character ${characters}`,
    {
      hint: "a pattern is a relative path in which * is any run of characters but /, ? one character and ** as a whole segment any number of folders",
      details: { pattern, position: characters },
    },
  );
}
