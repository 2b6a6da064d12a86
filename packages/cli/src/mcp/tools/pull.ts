import { CommandError } from "../../exit.ts";
import { sourceOf, uriOf } from "../subjects.ts";
import { defineTool, PANTRY, type Tool, URI } from "../tool.ts";

interface Args {
  readonly uri: string;
  readonly only?: readonly string[];
  readonly to?: string;
  readonly from?: string;
}

export const pull: Tool = defineTool<Args>({
  name: "ctx_pull",
  title: "Get a pack",
  description:
    "Gets a pack from the store, else from a pantry, and answers with the path of its folder: read-only, in the " +
    "store. With `to`, when the server allows writing, a copy in a new or empty folder.",
  input: {
    type: "object",
    properties: {
      uri: URI,
      only: {
        type: "array",
        items: { type: "string", minLength: 1, maxLength: 4096 },
        minItems: 1,
        maxItems: 50,
        description: "only files that match one of these: text/**, *.json",
      },
      to: { type: "string", minLength: 1, maxLength: 4096, description: "a new or empty folder" },
      from: PANTRY,
    },
    required: ["uri"],
  },
  mayWrite: true,
  openWorld: true,
  async call({ uri, only, to, from }, context) {
    const { ctx, roots, allowWrite, signal } = context;
    if (to !== undefined && !allowWrite) {
      throw new CommandError(
        "CTXPACK_E_PERMISSION",
        "this server writes no folders",
        "leave `to` out; the user can start it with ctxpack mcp --allow-write",
      );
    }
    const place = to === undefined ? undefined : roots.confine(to);
    const subject = uriOf(uri);
    const source = await sourceOf(subject, from, context);
    const pulled = await ctx.pull(subject, { from: source, only, to: place, signal });
    const { path, blobs, bytes } = pulled;
    return {
      uri: pulled.uri,
      path,
      source: pulled.source,
      blobs,
      bytes,
      ...("verified" in pulled && { verified: pulled.verified }),
    };
  },
});
