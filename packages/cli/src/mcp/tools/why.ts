import { contractOf, pantryOf } from "../subjects.ts";
import { CONTRACT, defineTool, PANTRY, type Tool } from "../tool.ts";

interface Args {
  readonly contract: string | object;
  readonly from?: string;
}

export const why: Tool = defineTool<Args>({
  name: "ctx_why",
  title: "Explain a miss",
  description:
    "Says why there is no result for a contract: the nearest contract whose result is known, and each field, file, " +
    "variable and param that differs. Of variables only names are told.",
  input: {
    type: "object",
    properties: { contract: CONTRACT, from: PANTRY },
    required: ["contract"],
  },
  openWorld: true,
  async call({ contract, from }, context) {
    const parsed = await contractOf(contract, context);
    const { ctx, signal } = context;
    return await ctx.why(parsed, { from: pantryOf(from, context), signal });
  },
});
