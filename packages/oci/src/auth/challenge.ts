/** One way a server offers to be told who asks (RFC 9110 §11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** More of a header is not looked at. */
const LIMIT = 16 << 10;

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;

/**
 * Reads the values of `WWW-Authenticate` headers: several headers, several challenges in one, commas and quotes
 * within strings. What follows a malformed item of a header is not believed.
 */
export function parseChallenges(values: readonly string[]): Challenge[] {
  return values.flatMap((value) => parseOne(value.slice(0, LIMIT)));
}

function parseOne(text: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match;
  };
  for (take(SEPARATORS); at < text.length; take(SEPARATORS)) {
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined) break;
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (take(SPACE)?.[0] === "") continue;
    if (take(TOKEN68) !== undefined && !text.slice(0, at).endsWith(scheme)) {
      // A token68 stands alone; none of the schemes of registries has one.
      continue;
    }
    for (;;) {
      const before = at;
      take(SEPARATORS);
      const name = take(TOKEN)?.[0];
      take(SPACE);
      if (name === undefined || text[at] !== "=") {
        // No parameter: another challenge begins here.
        at = before;
        break;
      }
      at++;
      take(SPACE);
      const quoted = take(QUOTED);
      const value = quoted ? (quoted[1] as string).replace(/\\(.)/gs, "$1") : take(TOKEN)?.[0];
      if (value === undefined) return challenges;
      // The first one counts: a second of the same name would be somebody's addition.
      if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
      if (!/^[ \t]*(?:,|$)/.test(text.slice(at, at + 200))) return challenges;
    }
  }
  return challenges;
}
