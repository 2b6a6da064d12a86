import { pipeline } from "node:stream/promises";
import { CtxPackError } from "@ctxpack/identity";
import { type Extract, extract, type Header } from "tar-stream";
import { Blanks } from "./blanks.ts";

/** One member of the tar of a v0 pack. */
export interface LegacyMember {
  /** An alias is another name of a file before it: what tar calls a link, and Python writes for hard links. */
  readonly kind: "file" | "alias" | "link" | "folder";
  /** Without the `./` that some tars begin their names with; the root is "". Not checked. */
  readonly path: string;
  /** Where an alias or link leads, as written; "" for others. */
  readonly target: string;
  readonly size: number;
  /** The owner's x bit. */
  readonly exec: boolean;
  /** The content's first byte in the tar. */
  readonly offset: number;
  /** To be read before the next member is asked for, or not at all. */
  readonly content: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;

/** Headers before one member: names of 4,096 bytes and times need a few KiB, more is an attack. */
const MAX_HEADERS = 64 * 1024;

/**
 * Reads a tar member by member, in the order of the tar. Only files, folders and links come out; what
 * tar-stream forgives (members after the end mark, long headers, odd sizes) is CTXPACK_E_PACK.
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<LegacyMember> {
  const blanks = new Blanks();
  // Names come out as their bytes, one a character, so that we judge the UTF-8 ourselves.
  const tar: Extract = extract({ filenameEncoding: "latin1" } as object);
  const fed = pipeline(watched(chunks, blanks), tar);
  // The loop meets the same failure first.
  fed.catch(() => {});
  let end = 0;
  try {
    for await (const source of tar) {
      const { header } = source;
      const offset = (header as Header & { byteOffset: number }).byteOffset;
      checkHeaders(end, offset, blanks);
      const { kind, size } = describe(header);
      end = offset + Math.ceil(size / BLOCK) * BLOCK;
      blanks.forget(end);
      const paths = { path: memberPath(header), target: linkTarget(header) };
      const exec = ((header.mode ?? 0) & 0o100) !== 0;
      yield { kind, ...paths, size, exec, offset, content: contentOf(source) };
      source.resume();
    }
    await fed;
  } catch (error) {
    throw damage(error);
  } finally {
    tar.destroy();
  }
  if (blanks.size === end) throw refuse("ends without an end mark");
  if (blanks.before(blanks.size) * BLOCK !== blanks.size - end) {
    throw refuse("goes on after its end mark");
  }
}

async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  blanks: Blanks,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    blanks.update(chunk);
    yield chunk;
  }
}

/** The content breaks off where the tar does. */
async function* contentOf(source: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source) yield chunk as Uint8Array;
  } catch (error) {
    throw damage(error);
  }
}

/** Between the end of one content and the beginning of the next there are headers only, and few. */
function checkHeaders(end: number, offset: number, blanks: Blanks): void {
  if (blanks.before(offset) > 0) throw refuse("goes on after its end mark");
  if (offset - end > MAX_HEADERS) throw refuse(`has more than ${MAX_HEADERS} bytes of headers`);
}

const KINDS: Readonly<Record<string, LegacyMember["kind"]>> = {
  file: "file",
  link: "alias",
  symlink: "link",
  directory: "folder",
};

function describe(header: Header): { kind: LegacyMember["kind"]; size: number } {
  const shown = JSON.stringify(header.name.slice(0, 300));
  const kind = KINDS[header.type];
  if (kind === undefined) {
    throw refuse(`has ${shown}, a ${header.type ?? "member of a kind that nobody knows"}`);
  }
  const pax = paxOf(header);
  if (Object.keys(pax).some((key) => key.startsWith("GNU.sparse"))) {
    throw refuse(`has ${shown}, a sparse file`);
  }
  // tar-stream reads "12x" as 12.
  const { size } = header;
  const exact = pax["size"] === undefined || pax["size"] === String(size);
  if (!exact || !Number.isSafeInteger(size) || (kind !== "file" && size !== 0)) {
    throw refuse(`has ${shown}, a ${header.type} whose size makes no sense`);
  }
  return { kind, size };
}

function memberPath(header: Header): string {
  const name = nameOf(header.name, paxOf(header)["path"]);
  const clean = name.startsWith("./") ? name.slice(2) : name;
  if (header.type !== "directory") return clean;
  const path = clean.endsWith("/") ? clean.slice(0, -1) : clean;
  return path === "." ? "" : path;
}

function linkTarget(header: Header): string {
  if (header.type !== "link" && header.type !== "symlink") return "";
  const target = nameOf(header.linkname ?? "", paxOf(header)["linkpath"]);
  return header.type === "link" && target.startsWith("./") ? target.slice(2) : target;
}

/** A name of the header in UTF-8, or of the pax header, where tar-stream has decoded it already. */
function nameOf(bytes: string, pax: string | undefined): string {
  if (pax) {
    // What its decoder puts for bytes that are not UTF-8.
    if (pax.includes("\ufffd")) throw refuse(`has ${JSON.stringify(pax)}, a name not in UTF-8`);
    return pax;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(bytes, "latin1"),
    );
  } catch {
    throw refuse(`has ${JSON.stringify(bytes)}, a name not in UTF-8`);
  }
}

function paxOf(header: Header): Readonly<Record<string, string | undefined>> {
  return (header.pax ?? {}) as Record<string, string>;
}

/** tar-stream's own errors have no code; everybody else's have, or are reasons of an abort. */
function damage(error: unknown): unknown {
  const known = error instanceof Error && ERRORS.test(error.message) && !("code" in error);
  return known ? refuse(`is damaged: ${error.message}`, error) : error;
}

const ERRORS = /^(?:Invalid (?:tar )?header|Header exceeds|Unexpected end of data)/;

function refuse(why: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_PACK", `the tar of a v0 pack ${why}`, {
    hint: "the pack breaks the format: ask whoever pushed it to seed it again",
    cause,
  });
}
