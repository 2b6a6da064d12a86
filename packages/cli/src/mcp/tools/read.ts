import { CommandError } from "../../exit.ts";
import { partOf } from "../part.ts";
import { sourceOf, uriOf } from "../subjects.ts";
import { defineTool, PANTRY, type Tool, URI } from "../tool.ts";

/** Bytes in one answer. */
const MOST_BYTES = 32 * 1024;

/** Bytes of the whole file: all of it is read, for only then its digest is known to be right. */
const MOST_FILE = 256 * 1024 * 1024;

interface Args {
  readonly uri: string;
  readonly path: string;
  readonly offset?: number;
  readonly length?: number;
  readonly from?: string;
}

export const read: Tool = defineTool<Args>({
  name: "ctx_read",
  title: "Read a file of a pack",
  description:
    "A part of one file, checked against its digest: `text`, or `base64` when it is not UTF-8. When there is more, " +
    "`next` is what to give as `offset`.",
  input: {
    type: "object",
    properties: {
      uri: URI,
      path: { type: "string", minLength: 1, maxLength: 4096, description: "as ctx_files lists it" },
      offset: { type: "integer", minimum: 0, maximum: MOST_FILE, description: "in bytes" },
      length: {
        type: "integer",
        minimum: 1,
        maximum: MOST_BYTES,
        description: `in bytes; default 16384, at most ${MOST_BYTES}`,
      },
      from: PANTRY,
    },
    required: ["uri", "path"],
  },
  openWorld: true,
  async call({ uri, path, offset = 0, length = 16_384, from }, context) {
    const { ctx, signal } = context;
    const subject = uriOf(uri);
    const parts: Uint8Array[] = [];
    let size = 0;
    const pantry = await sourceOf(subject, from, context);
    for await (const chunk of ctx.cat(subject, path, { from: pantry, signal })) {
      const start = Math.max(offset - size, 0);
      const end = Math.min(offset + length - size, chunk.length);
      // A copy: the producer reuses its buffer.
      if (start < end) parts.push(chunk.slice(start, end));
      size += chunk.length;
      if (size > MOST_FILE) throw tooLarge(path);
    }
    return partOf({ path, size, offset }, Buffer.concat(parts));
  },
});

function tooLarge(path: string): CommandError {
  return new CommandError(
    "CTXPACK_E_TOO_LARGE",
    `${path} has more than ${MOST_FILE / 1024 / 1024} MiB`,
    "ctx_pull gets the pack as a folder",
  );
}
