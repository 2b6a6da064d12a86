/** A part of a text that has the shape of a secret. */
export interface SecretSpan {
  /** In UTF-16 code units. */
  readonly start: number;
  /** Behind the last one. */
  readonly end: number;
  /** One word for programs and placeholders, such as `github-token`. */
  readonly kind: string;
  /** In words, such as `a GitHub token`. */
  readonly label: string;
}

interface Shape {
  readonly kind: string;
  readonly label: string;
  /** Global; matches the whole secret. */
  readonly pattern: RegExp;
}

const pemBegin = /-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY-----/g;
const pemEnd = /-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY-----/g;

const shapes: readonly Shape[] = [
  {
    kind: "aws-access-key",
    label: "an AWS access key",
    pattern: /(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![0-9A-Za-z])/g,
  },
  {
    kind: "github-token",
    label: "a GitHub token",
    pattern: /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{20,}/g,
  },
  {
    kind: "api-key",
    label: "an API key (sk-…)",
    pattern: /(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,}/g,
  },
  {
    kind: "slack-token",
    label: "a Slack token",
    pattern: /(?<![A-Za-z0-9])xox[abp]-[A-Za-z0-9-]{10,}/g,
  },
];

const names: readonly string[] = [
  "api_key",
  "secret",
  "password",
  "passwd",
  "private_key",
  "access_token",
  "auth_token",
  "credentials",
];

/**
 * The parts of `text` that have the shape of a known secret (DESIGN §4.1), in order, none in another. A PEM key goes
 * to its last line, or to the end of the text when that is missing.
 */
export function findSecretSpans(text: string): SecretSpan[] {
  // What a text has to hold for any shape to match; most hold none of it.
  if (!/-----BEGIN |AKIA|gh[pousr]_|sk-|xox[abp]-|eyJ/.test(text)) return [];
  const found = [...pemSpans(text), ...webTokenSpans(text)];
  for (const { kind, label, pattern } of shapes) {
    for (const match of text.matchAll(pattern)) {
      found.push({ start: match.index, end: match.index + match[0].length, kind, label });
    }
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  let end = 0;
  return found.filter((span) => {
    if (span.start < end) return false;
    end = span.end;
    return true;
  });
}

/**
 * The secret's name that `name` contains as whole words, however its words are joined: OPENAI_API_KEY, apiKey.
 * Undefined for `max_tokens`.
 */
export function secretName(name: string): string | undefined {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .join("_");
  return names.find((secret) => `_${words}_`.includes(`_${secret}_`));
}

function pemSpans(text: string): SecretSpan[] {
  const spans: SecretSpan[] = [];
  let from = 0;
  for (const begin of text.matchAll(pemBegin)) {
    if (begin.index < from) continue;
    pemEnd.lastIndex = begin.index;
    const last = pemEnd.exec(text);
    from = last === null ? text.length : last.index + last[0].length;
    spans.push({ start: begin.index, end: from, kind: "private-key", label: "a PEM private key" });
  }
  return spans;
}

/**
 * Two base64url parts that begin an object, and a third, between dots. By parts and not by one pattern, which would
 * try every place of a megabyte against the rest of it.
 */
function webTokenSpans(text: string): SecretSpan[] {
  const spans: SecretSpan[] = [];
  for (const run of text.matchAll(/[A-Za-z0-9_.-]+/g)) {
    if (!run[0].includes(".eyJ")) continue;
    let at = run.index;
    const parts = run[0].split(".");
    for (const [index, part] of parts.entries()) {
      const [payload, signature] = [parts[index + 1], parts[index + 2]];
      const header = /(?<![A-Za-z0-9])eyJ./.exec(part);
      if (header !== null && payload?.startsWith("eyJ") && signature !== undefined) {
        const end = at + part.length + payload.length + signature.length + 2;
        spans.push({ start: at + header.index, end, kind: "jwt", label: "a JSON Web Token" });
      }
      at += part.length + 1;
    }
  }
  return spans;
}
