/** What roff would take for its own, and what is outside of ASCII. */
const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** Text as it is, in a page written in roff. */
export function roff(text: string): string {
  return text
    .replaceAll(/[\\'`^~-]|[^\n -~]/gu, (one) => SPECIAL[one] ?? named(one))
    .replaceAll(/^\./gm, "\\&.");
}

function named(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `\\[u${hex.padStart(4, "0")}]`;
}

/** What a page begins with. It has no date: the same sources are the same page. */
export function heading(name: string, section: number, version: string): string {
  return `.TH "${roff(name.toUpperCase())}" "${section}" "" "ctxpack ${roff(version)}"\n`;
}

export function section(title: string, body: string): string {
  return `.SH ${title}\n${body}`;
}

/** Lines that stay as they are. */
export function literal(text: string): string {
  return `.nf\n${roff(text)}\n.fi\n`;
}

/** A word and what it is, indented below it. */
export function tagged(word: string, about: string): string {
  return `.TP\n${word}\n${roff(about)}\n`;
}

export function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${roff(text)}\\fR`;
}
