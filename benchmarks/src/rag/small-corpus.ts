import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Source } from "../corpus.ts";
import type { Folders } from "../documents/corpora.ts";

const PAGES = 60;
/** One page in twenty has another text in the update; all of them name its version. */
const CHANGED = 20;

/** Pages in HTML and their update, where no package can be had: the same bytes everywhere. */
export function smallCorpus(dir: string): Folders {
  const [before, after] = [join(dir, "own-before"), join(dir, "own-after")];
  for (const [version, folder] of [before, after].entries()) {
    mkdirSync(folder, { recursive: true });
    for (let page = 0; page < PAGES; page++) {
      const seed = version === 1 && page % CHANGED === 0 ? page + PAGES : page;
      const text = Buffer.alloc(6000);
      new Source(seed + 1).text(text);
      writeFileSync(
        join(folder, `${String(page).padStart(3, "0")}.html`),
        `<html><head><title>version ${version}</title></head><body><p>${text}</p></body></html>\n`,
      );
    }
  }
  return { before, after };
}
