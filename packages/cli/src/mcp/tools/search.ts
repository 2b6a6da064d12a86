import type { SearchHit, SearchQuery } from "@ctxpack/client";
import { pantryOf } from "../subjects.ts";
import { defineTool, PANTRY, type Tool } from "../tool.ts";

interface Args extends SearchQuery {
  readonly from?: string;
  readonly limit?: number;
}

const word = (description: string) => ({
  type: "string",
  minLength: 1,
  maxLength: 200,
  description,
});

export const search: Tool = defineTool<Args>({
  name: "ctx_search",
  title: "Search packs and recorded runs",
  description:
    "Finds packs of the store, the last used first, or of a pantry. Everything given has to match, as a part of a " +
    "word, in any letter case.",
  input: {
    type: "object",
    properties: {
      text: word("words in names, tools, models, inputs"),
      kind: {
        enum: ["contract", "trace"],
        description: "the output of a contract, or the trace of an agent's run",
      },
      name: word("the label people gave it"),
      tool: word("a tool, or an agent"),
      model: word("a model"),
      input: word("the name of an input, or the beginning of its digest"),
      tag: word("a name in a pantry, such as nightly; * stands for any letters"),
      from: PANTRY,
      limit: { type: "integer", minimum: 1, maximum: 50, description: "default 20" },
    },
  },
  openWorld: true,
  async call({ from, limit = 20, ...query }, context) {
    const { ctx, signal } = context;
    const hits: SearchHit[] = [];
    for await (const hit of ctx.search(query, { from: pantryOf(from, context), signal })) {
      if (hits.length === limit) return { hits, more: true };
      hits.push(hit);
    }
    return { hits, more: false };
  },
});
