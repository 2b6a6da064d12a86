import { closeSync } from "node:fs";
import type { ContentReader, FileEntry } from "../pack/index.ts";
import { openOwn, readFully } from "./blobs.ts";
import { rawSegment } from "./content.ts";
import { onDisk } from "./disk.ts";
import type { HeldPack } from "./held.ts";
import type { Parts } from "./parts.ts";

/** Where the content of one file is: in a file of the store, or in a row of a pack's index. */
export type ContentPlace =
  | { readonly path: string }
  | { readonly pack: HeldPack; readonly row: number };

/** Reads files one after the other from packs of the store and from single files. */
export class ComposedReader implements ContentReader {
  readonly #parts: Parts;
  readonly #placeOf: (row: number) => ContentPlace;
  #open: { readonly row: number; readonly fd: number } | undefined;
  #entry: { readonly row: number; readonly entry: FileEntry } | undefined;
  /** The segment that was read last: files that lie side by side come out of one. */
  #segment:
    | { readonly pack: HeldPack; readonly number: number; readonly raw: Uint8Array }
    | undefined;

  constructor(parts: Parts, placeOf: (row: number) => ContentPlace) {
    this.#parts = parts;
    this.#placeOf = placeOf;
  }

  read(row: number, into: Uint8Array, position: number): number {
    const place = this.#placeOf(row);
    return "path" in place
      ? onDisk("reading", place.path, () => readFully(this.#fd(row, place.path), into, position))
      : this.#readPacked(row, place, into, position);
  }

  close(row: number): void {
    if (this.#open?.row === row) this.#closeFile();
  }

  /** Lets go of everything. */
  release(): void {
    this.#closeFile();
    this.#segment = undefined;
  }

  #fd(row: number, path: string): number {
    if (this.#open?.row !== row) {
      this.#closeFile();
      this.#open = { row, fd: openOwn(path) };
    }
    return this.#open.fd;
  }

  #closeFile(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #readPacked(
    row: number,
    { pack, row: packed }: Extract<ContentPlace, { readonly pack: HeldPack }>,
    into: Uint8Array,
    position: number,
  ): number {
    if (this.#entry?.row !== row) {
      this.#entry = { row, entry: pack.index.entry(packed) as FileEntry };
    }
    const { offset, size } = this.#entry.entry;
    if (position >= size) return 0;
    const number = segmentAt(pack, offset + position);
    const { offset: begins = 0 } = pack.index.segments[number] ?? {};
    const raw = this.#raw(pack, number);
    const from = offset + position - begins;
    const bytes = raw.subarray(
      from,
      Math.min(raw.length, offset + size - begins, from + into.length),
    );
    into.set(bytes);
    return bytes.length;
  }

  #raw(pack: HeldPack, number: number): Uint8Array {
    if (this.#segment?.pack !== pack || this.#segment.number !== number) {
      this.#segment = { pack, number, raw: rawSegment(this.#parts, pack, number) };
    }
    return this.#segment.raw;
  }
}

/** The segment that holds a byte of the tar. */
function segmentAt({ index: { segments } }: HeldPack, position: number): number {
  let low = 0;
  for (let high = segments.length; high - low > 1; ) {
    const middle = (low + high) >>> 1;
    if ((segments[middle]?.offset ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low;
}
