// Whatever the bytes are, a tar is read or refused: no other error, and no name that is not clean.
import { gzipSync } from "node:zlib";
import { CtxPackError } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type LegacyContents, readContents } from "../../src/legacy/contents.ts";
import { gunzip } from "../../src/legacy/gunzip.ts";
import { END, goodTar, member, tarOf } from "./pantry.ts";

const { signal } = new AbortController();

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(tar: Uint8Array, piece = 700): Promise<LegacyContents | CtxPackError> {
  try {
    return await readContents(inPieces(tar, piece), tar.length, signal);
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PACK") return error;
    throw error;
  }
}

function expectClean(result: LegacyContents | CtxPackError): void {
  if (CtxPackError.isInstance(result)) return;
  for (const path of result.entries.keys()) {
    expect(path.split("/")).not.toContain("..");
    expect(path).toMatch(/^[^/\0\n][^\0\n]*$/);
  }
}

test("the size of the pieces it arrives in does not matter", async () => {
  const whole = await read(goodTar(), 1 << 20);
  for (const piece of [1, 7, 511, 512, 513, 5000]) {
    expect(await read(goodTar(), piece)).toEqual(whole);
  }
});

test("bytes changed anywhere in a tar", async () => {
  const good = goodTar();
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const tar = Buffer.from(good);
      for (const [at, byte] of changes) tar[at] = byte;
      expectClean(await read(tar));
    }),
    { numRuns: 500 },
  );
});

test("any names, kinds and targets under a right checksum", async () => {
  const part = fc.constantFrom("..", ".", "", "a", "b", "A", "é", "e\u0301", "C:", "\\", "x y");
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const type = fc.constantFrom("0", "0", "0", "1", "2", "2", "5", "3", "x", "g", "L", "K");
  const members = fc.array(
    fc.record({ name, type, link: name, content: fc.constantFrom("", "x") }),
    {
      maxLength: 6,
    },
  );
  await fc.assert(
    fc.asyncProperty(members, async (made) => {
      expectClean(await read(tarOf(...made)));
    }),
    { numRuns: 500 },
  );
});

test("a gzip layer cut or changed anywhere is refused", async () => {
  const layer = gzipSync(goodTar());
  const drain = async (bytes: Uint8Array): Promise<Buffer> => {
    const all: Uint8Array[] = [];
    for await (const chunk of gunzip(inPieces(bytes, 100), bytes.length)) all.push(chunk);
    return Buffer.concat(all);
  };
  expect(await drain(layer)).toEqual(goodTar());
  // Two layers one after the other are one to every gunzip.
  expect(await drain(Buffer.concat([layer, layer]))).toEqual(Buffer.concat([goodTar(), goodTar()]));
  for (let length = 0; length < layer.length; length += 13) {
    const cut = drain(layer.subarray(0, length));
    await expect(cut, `${length}`).rejects.toMatchObject({ code: "CTXPACK_E_PACK" });
  }
  for (let at = 10; at < layer.length; at += 13) {
    const changed = Buffer.from(layer);
    changed[at] = (changed[at] as number) ^ 0xff;
    await expect(drain(changed), `${at}`).rejects.toMatchObject({ code: "CTXPACK_E_PACK" });
  }
});

test("a file of many blank blocks is content, not an end", async () => {
  const zeros = { name: "zeros", content: Buffer.alloc(1 << 20) };
  const after = { name: "after", content: "x" };
  const found = await read(tarOf(zeros, after), 1000);
  expect(found).toMatchObject({ files: 3 });
  expect(await read(Buffer.concat([tarOf(), END, END, member(after)]))).toBeInstanceOf(
    CtxPackError,
  );
});
