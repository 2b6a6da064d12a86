import { pantryOf, uriOf } from "../subjects.ts";
import { defineTool, PANTRY, type Tool, URI } from "../tool.ts";

interface Args {
  readonly uri: string;
  readonly to?: string;
}

export const push: Tool = defineTool<Args>({
  name: "ctx_push",
  title: "Share a pack",
  description:
    "Sends a pack of the store to a pantry, the first configured one unless told otherwise. Contracts that hold what " +
    "looks like a secret are refused, and so is another output than the pantry has.",
  input: { type: "object", properties: { uri: URI, to: PANTRY }, required: ["uri"] },
  writes: true,
  openWorld: true,
  async call({ uri, to }, context) {
    const { ctx, signal } = context;
    return await ctx.push(uriOf(uri), { to: pantryOf(to, context), signal });
  },
});
