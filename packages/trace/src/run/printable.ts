import { visible } from "@ctxpack/identity";

/** Text of a run for a terminal: line breaks and tabs stay, all else that a terminal would obey or hide is an escape. */
export function printable(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => line.split("\t").map(visible).join("\t"))
    .join("\n");
}
