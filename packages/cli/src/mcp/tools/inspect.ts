import { pantryOf, uriOf } from "../subjects.ts";
import { defineTool, PANTRY, type Tool, URI } from "../tool.ts";

interface Args {
  readonly uri: string;
  readonly from?: string;
}

export const inspect: Tool = defineTool<Args>({
  name: "ctx_inspect",
  title: "Describe a pack",
  description:
    "What made a pack (its contract, or the head of an agent's run), what it holds, and who vouches for it. Reads no " +
    "data; ctx_files lists its files.",
  input: { type: "object", properties: { uri: URI, from: PANTRY }, required: ["uri"] },
  openWorld: true,
  async call({ uri, from }, context) {
    const { ctx, signal } = context;
    return await ctx.inspect(uriOf(uri), { from: pantryOf(from, context), signal });
  },
});
