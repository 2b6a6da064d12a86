import type { Entry } from "@ctxpack/client";
import { pageOf } from "../page.ts";
import { pantryOf, uriOf } from "../subjects.ts";
import { defineTool, PANTRY, type Tool, URI } from "../tool.ts";

interface Args {
  readonly uri: string;
  readonly under?: string;
  readonly after?: string;
  readonly limit?: number;
  readonly from?: string;
}

export const files: Tool = defineTool<Args>({
  name: "ctx_files",
  title: "List the files of a pack",
  description:
    "Paths and sizes of the files of a pack, sorted; when there are more, `next` is what to give as `after`.",
  input: {
    type: "object",
    properties: {
      uri: URI,
      under: { type: "string", maxLength: 4096, description: "only paths that begin with this" },
      after: { type: "string", maxLength: 4096, description: "only paths that come later" },
      limit: { type: "integer", minimum: 1, maximum: 200, description: "default 100" },
      from: PANTRY,
    },
    required: ["uri"],
  },
  openWorld: true,
  async call({ uri, under = "", after, limit = 100, from }, context) {
    const { ctx, signal } = context;
    const all = await ctx.entries(uriOf(uri), { from: pantryOf(from, context), signal });
    // Sorted by bytes, as the index is: what JavaScript's `<` says of paths is something else.
    let isPast = after === undefined;
    function* sought(): Generator<Entry> {
      for (const entry of all) {
        isPast ||= Buffer.compare(Buffer.from(entry.path), Buffer.from(after ?? "")) > 0;
        if (isPast && entry.path.startsWith(under)) yield entry;
      }
    }
    return pageOf(sought(), limit);
  },
});
