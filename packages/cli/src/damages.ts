import type { CheckReport, Damage } from "@ctxpack/client";
import { formatBytes, formatSeconds, plural } from "./format.ts";

/** One damage: what it is and what became of it, then where, and the packs it belongs to. */
export function damageLines({ kind, state, path, message, outcome, uris }: Damage): string {
  const what = outcome === undefined || outcome === "" ? message : `${message}; ${outcome}`;
  return [`${kind}  ${state}`, `  ${path}`, `  ${what}`, ...uris.map((uri) => `  ${uri}`)].join(
    "\n",
  );
}

/** The same as a line of fields between tabs. */
export function damageFields({ kind, state, path, message, outcome, uris }: Damage): string {
  return [kind, state, path, message, outcome ?? "", uris.join(",")].join("\t");
}

/** How much was looked at. */
export function describeChecked({ checked }: CheckReport, seconds: number): string {
  const { packs, blobs, trees, files, bytes } = checked;
  return (
    `looked at ${plural(packs, "pack")}, ${plural(blobs, "blob")} and ${plural(files, "entry")} of ` +
    `${plural(trees, "folder")}; read ${formatBytes(bytes)} in ${formatSeconds(seconds)}`
  ).replace("entrys", "entries");
}
