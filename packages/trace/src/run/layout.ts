import { type Digest, digestHex } from "@ctxpack/identity";

/** The file of a run's pack that holds its steps, one canonical JSON a line, each ended by `\n`. */
export const STEPS_PATH = "steps.ndjson";

/** The folder of a run's pack that holds contents, each named by the hex of its sha256. */
export const CONTENT_FOLDER = "content";

/** The path of a content in a run's pack. */
export function contentPath(digest: Digest): string {
  return `${CONTENT_FOLDER}/${digestHex(digest)}`;
}

/** Some bytes of a file of a run's pack. A path that comes again goes on where it ended: `steps.ndjson` comes in pieces. */
export interface RunFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}
