/**
 * What an operation is busy with. `hash`: reading and hashing files · `blob`: a blob being written to a store or
 * pantry · `manifest`: the manifest being written · `publish`: the rename that makes a pack visible · `layout`: a
 * layout's `index.json` being replaced · `unpack`: files being materialised.
 */
export type Phase = "hash" | "blob" | "manifest" | "publish" | "layout" | "unpack";

/** One report of progress; `done` and `total` are in `unit`, and `total` is absent while it is unknown. */
export interface ProgressEvent {
  readonly phase: Phase;
  readonly unit: "bytes" | "files" | "blobs";
  readonly done: number;
  readonly total?: number;
  /** The path or digest being worked on. */
  readonly name?: string;
}

/** Receives progress; called synchronously and often, so it returns quickly and never throws. */
export type OnProgress = (event: ProgressEvent) => void;
