import { type Content, contentBlocks, isStored, type StoredContent } from "./content.ts";
import type { RunHead } from "./head.ts";
import type { Step } from "./step.ts";

/** A content's place in a head or step, as a JSON pointer. */
export interface PlacedContent {
  readonly pointer: string;
  readonly content: Content;
}

/** The contents of a step, in a fixed order. */
export function stepContents(step: Step): PlacedContent[] {
  const found: PlacedContent[] = [];
  for (const key of ["params", "request", "reasoning", "result", "extra"] as const) {
    const content = step[key];
    if (content !== undefined) found.push({ pointer: `/${key}`, content });
  }
  if (step.error?.message) found.push({ pointer: "/error/message", content: step.error.message });
  return found;
}

/** The contents of a head; those of inputs and outputs that the pack holds as well. */
export function headContents(head: RunHead): PlacedContent[] {
  const found: PlacedContent[] = [];
  const add = (pointer: string, content: Content | undefined) => {
    if (content !== undefined) found.push({ pointer, content });
  };
  for (const [index, content] of head.system.entries()) add(`/system/${index}`, content);
  for (const [index, { params }] of head.models.entries()) add(`/models/${index}/params`, params);
  for (const [index, tool] of head.tools.entries()) {
    add(`/tools/${index}/description`, tool.description);
    add(`/tools/${index}/schema`, tool.schema);
  }
  for (const key of ["inputs", "outputs"] as const) {
    for (const [index, { digest, size, mediaType }] of head[key].entries()) {
      if (digest === undefined || size === undefined) continue;
      const type = mediaType ?? "application/octet-stream";
      add(`/${key}/${index}`, { digest, size, mediaType: type });
    }
  }
  add("/extra", head.extra);
  return found;
}

/** Those of some contents that are files of the pack: what has to be there for the run to be whole. */
export function* storedContents(
  placed: Iterable<PlacedContent>,
): Generator<{ readonly pointer: string; readonly stored: StoredContent }> {
  for (const { pointer, content } of placed) {
    const inside = "parts" in content;
    for (const [index, block] of contentBlocks(content).entries()) {
      if (!isStored(block)) continue;
      yield { pointer: inside ? `${pointer}/parts/${index}` : pointer, stored: block };
    }
  }
}
