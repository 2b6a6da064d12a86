// A terminal as documents show it: commands behind `$ `, and the lines that they print.

/** A command, with the lines of its here-document, and what the document says it prints. */
export interface Step {
  readonly command: string;
  readonly printed: string;
}

/** The steps of a ```console block; a line that does not begin with `$ ` is output, or a here-document. */
export function transcript(code: string): Step[] {
  return `${code}\n`
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const ends = /<<'?(\w+)'?/.exec(text);
      const last = ends
        ? text.indexOf(`\n${ends[1]}\n`) + `\n${ends[1]}`.length
        : text.indexOf("\n");
      return { command: text.slice(0, last), printed: text.slice(last + 1).trimEnd() };
    });
}

/** What differs from run to run and from day to day: times and what is said meanwhile, dates, keys and what they sign. */
export function comparable(text: string): string {
  return text
    .replace(/^(?:hashing|mapping|storing) .*\n/gm, "")
    .replace(/\b(?:\d+ min )?\d+(?:\.\d\d)? s\b/g, "… s")
    .replace(/\b\d{4}-\d\d-\d\d(?:T[0-9:.]+Z)?\b/g, "<date>")
    .replace(/\bSHA256:[A-Za-z0-9+/]{43}/g, "<fingerprint>")
    .replace(/\b\d{8}T\d{6}Z-[0-9a-f]{8}\b/g, "<moved>")
    .replace(/\bthe proof sha256:[0-9a-f]{12}/g, "the proof <digest>")
    .trimEnd();
}
