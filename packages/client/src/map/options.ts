import type { PackRecord, RunLog } from "@ctxpack/cache";
import type { CtxPackError, CtxUri } from "@ctxpack/identity";
import type { ContractLike } from "../load-contract.ts";
import type { PushResult } from "../push.ts";
import type { AdHoc } from "../run/ad-hoc.ts";
import type { Sink } from "../run/child.ts";
import type { GetEvent, GetOptions } from "../run/options.ts";

/**
 * Makes the result of one item: reads the file `input`, and writes the file `output`. It is told nothing else of the
 * item, so that equal files have one result.
 */
export type ComputeItem = (
  input: string,
  output: string,
  options: { readonly signal: AbortSignal },
) => Promise<void>;

/** How many items there are, and what became of them so far. */
export interface MapCounts {
  readonly total: number;
  /** Known before. */
  readonly hit: number;
  /** Computed now. */
  readonly done: number;
  readonly failed: number;
}

/** What became of one item. */
export interface MappedItem {
  /** Relative to the input's root. */
  readonly path: string;
  /** Where its result lies in the pack. */
  readonly out: string;
  /** The contract of this item alone. */
  readonly uri: CtxUri;
  readonly status: "hit" | "done" | "failed";
  /** Why it failed. */
  readonly error?: CtxPackError;
}

export type MapEvent =
  | GetEvent
  /** Something has to be computed; comes once, after what is known was looked for. */
  | ({ readonly kind: "items" } & MapCounts)
  /** An item was computed, or failed. */
  | { readonly kind: "item"; readonly item: MappedItem; readonly counts: MapCounts };

export interface MapOptions extends Omit<GetOptions, "onEvent"> {
  /** `FOLDER/{path}.json`; the output of the contract when absent. */
  readonly out?: string | undefined;
  /** Everything but items and results: a file's path or a value. Without it, `adHoc` is. */
  readonly contract?: ContractLike | undefined;
  /** The same as flags. `tool` may be left out: then it is the program's name. */
  readonly adHoc?: Omit<AdHoc, "outputs"> | undefined;
  /** Program and arguments with `{in}`, `{out}`, `{path}`, `{name}`, `{ext}`; part of every item's contract. */
  readonly command?: readonly string[] | undefined;
  /** In place of a command. */
  readonly compute?: ComputeItem | undefined;
  /** Commands at a time, 1 to 64; as many as there are processors unless said. */
  readonly parallel?: number | undefined;
  /** Items for one command; 1. */
  readonly batch?: number | undefined;
  /** Go on after an item has failed: then there is no pack, and what succeeded stays known. */
  readonly keepGoing?: boolean | undefined;
  /** A name beside the family's own, for maps whose recipe changes; letters, digits, dots, dashes. */
  readonly family?: string | undefined;
  /** Takes what commands print, each command's in one piece. */
  readonly stderr?: Sink | undefined;
  readonly onEvent?: ((event: MapEvent) => void) | undefined;
}

/** A pack that results were taken from: what came of it is somebody else's. */
export interface ReusedPack {
  readonly uri: CtxUri;
  /** `store`, or the pantry's address. */
  readonly where: string;
  readonly items: number;
}

export interface MapResult {
  readonly uri: CtxUri;
  /** Nothing was computed, and the pack was there. */
  readonly hit: boolean;
  /** `store`, `computed`, or the address of the pantry it came from. */
  readonly source: string;
  /** Absent when items failed. */
  readonly record?: PackRecord;
  readonly counts: MapCounts;
  /** With `keepGoing`: those that failed. */
  readonly failed: readonly MappedItem[];
  /** Where the results stand; absolute. */
  readonly output: string;
  /** What stood there before, and is in the trash for a day. */
  readonly displaced: readonly { readonly from: string; readonly path: string }[];
  readonly reused: readonly ReusedPack[];
  readonly log?: RunLog;
  readonly pushed?: PushResult;
  /** The pantry whose other output was taken in place of our own. */
  readonly kept?: string;
}
