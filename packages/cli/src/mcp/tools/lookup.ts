import { contractOf } from "../subjects.ts";
import { CONTRACT, defineTool, type Tool } from "../tool.ts";

export const lookup: Tool = defineTool<{ readonly contract: string | object }>({
  name: "ctx_lookup",
  title: "Look up a result",
  description:
    "Hashes a contract (inputs, code, tool, model, params) to its URI and says whether its result is there: in the " +
    "store or in a configured pantry. A miss says for each place why. Computes nothing.",
  input: { type: "object", properties: { contract: CONTRACT }, required: ["contract"] },
  openWorld: true,
  async call({ contract }, context) {
    const parsed = await contractOf(contract, context);
    const found = await context.ctx.resolve(parsed, { signal: context.signal });
    const { uri, hit, misses } = found;
    return { uri, hit, ...(found.hit && { where: found.where }), misses };
  },
});
