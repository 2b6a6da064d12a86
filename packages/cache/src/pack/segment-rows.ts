import { Cursor } from "./cursor.ts";
import type { Entry, IndexSegment } from "./entry.ts";
import { readEntry } from "./index-entry.ts";

/** The rows of an index of which a segment holds a header, content or padding. */
export interface SegmentRows {
  readonly segment: IndexSegment;
  /** Its number. */
  readonly number: number;
  /** Where the header of the first row begins in the tar. */
  readonly at: number;
  /** In order; what follows the last one in the segment is the end of the tar. */
  entries(): Iterable<Entry>;
}

/** `SegmentRows` for another thread: the bytes of the index that are about them. */
export interface SharedRows extends Omit<SegmentRows, "entries"> {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each entry begins in `bytes`. */
  readonly starts: Uint32Array<ArrayBuffer>;
}

/** The rows again, in the thread that got them. They have been checked. */
export function rowsOf(shared: SharedRows): SegmentRows {
  const { bytes, starts, segment, number, at } = shared;
  const cursor = new Cursor(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  cursor.isChecked = true;
  return {
    segment,
    number,
    at,
    *entries() {
      for (const start of starts) {
        cursor.at = start;
        yield readEntry(cursor);
      }
    },
  };
}
