import { contractOf } from "../subjects.ts";
import { CONTRACT, defineTool, type Tool } from "../tool.ts";

interface Args {
  readonly folder: string;
  readonly contract: string | object;
  readonly name?: string;
}

export const seed: Tool = defineTool<Args>({
  name: "ctx_seed",
  title: "Keep a result",
  description:
    "Puts a folder into the store as the output of a contract, so that nobody computes it again. Another output of " +
    "the same contract is refused.",
  input: {
    type: "object",
    properties: {
      folder: { type: "string", minLength: 1, maxLength: 4096, description: "what was computed" },
      contract: CONTRACT,
      name: { type: "string", minLength: 1, maxLength: 200, description: "a label for people" },
    },
    required: ["folder", "contract"],
  },
  writes: true,
  openWorld: false,
  async call({ folder, contract, name }, context) {
    const { ctx, roots, signal } = context;
    const dir = roots.confine(folder);
    const parsed = await contractOf(contract, context);
    const { record, created, warnings } = await ctx.seed(dir, { contract: parsed, name, signal });
    const { uri, tree, files, bytes } = record;
    return { uri, tree, files, bytes, created, warnings };
  },
});
