// v0 packs that somebody made to do harm: each is refused with exit 5, and nothing is left behind.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { CtxPack } from "@ctxpack/client";
import { OciLayout } from "@ctxpack/oci";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";
import {
  CONTRACT,
  description,
  END,
  goodLayer,
  goodTar,
  member,
  type Oddities,
  pax,
  pushLegacy,
  TAG,
  type TarMember,
  tarOf,
  URI,
} from "./pantry.ts";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-v0-hostile-"));
afterAll(() => removeReadOnly(cwd));

const OUTSIDE = join(cwd, "outside");
writeFileSync(OUTSIDE, "mine");

let count = 0;

/** Pulls, lists and reads a pack; all must fail in the same way. Resolves to what pull said. */
async function refusal(layer: Uint8Array, oddities: Oddities = {}): Promise<unknown> {
  const name = `p${count++}`;
  await pushLegacy(join(cwd, name), layer, oddities);
  const warn = () => {};
  const options = { cwd, env: { HOME: cwd }, cacheDir: "store", pantries: [`oci:${name}`], warn };
  await using ctx = await CtxPack.open(options);
  const failed = await ctx.pull(URI, { to: "out" }).then(
    () => "pulled",
    (error: unknown) => error,
  );
  await expect(ctx.entries(URI)).rejects.toMatchObject({
    code: (failed as Error & { code: string }).code,
  });
  const read = ctx.cat(URI, "manifest.json")[Symbol.asyncIterator]().next();
  await expect(read).rejects.toThrow();
  expect(existsSync(join(cwd, "out"))).toBe(false);
  expect(readdirSync(cwd).filter((each) => each.startsWith("."))).toEqual([]);
  expect(readdirSync(join(cwd, "store/tmp")).filter((each) => each.startsWith("v0-"))).toEqual([]);
  expect(readFileSync(OUTSIDE, "utf8")).toBe("mine");
  return failed;
}

const file = (name: string | Uint8Array): TarMember => ({ name, content: "x" });
const link = (name: string, target: string): TarMember => ({ name, type: "2", link: target });
const long = (path: string) => [pax({ path }), file("short")] as const;

const MEMBERS: readonly (readonly [why: string, message: RegExp, ...(TarMember | Buffer)[]])[] = [
  ["climbs", /has the segment \\?"\.\./, file("../outside")],
  ["climbs further in", /has the segment/, file("a/../../outside")],
  ["absolute", /absolute or empty/, file("/etc/passwd")],
  ["absolute, through pax", /absolute or empty/, ...long(join(cwd, "outside"))],
  ["climbs, through pax", /has the segment/, ...long("../outside")],
  ["a drive", /drive letter/, file("C:evil")],
  ["dot segment", /has the segment/, file("a/./b")],
  ["./ twice", /has the segment/, file("././b")],
  ["empty segment", /empty segment/, file("a//b")],
  ["empty name", /absolute or empty/, file("")],
  ["newline", /newline/, file("a\nb")],
  ["NUL", /NUL/, ...long("a\0b")],
  ["long segment", /segment of 300 bytes/, ...long("a".repeat(300))],
  ["long path", /bytes long/, ...long("ab/".repeat(2000))],
  ["not UTF-8", /not in UTF-8/, file(Uint8Array.of(0x61, 0xff))],
  ["not UTF-8, in pax", /not in UTF-8/, pax({ path: "a\ufffdb" }), file("a")],
  ["equal after NFC", /one name after NFC/, file("\u00e9"), file("e\u0301")],
  ["twice", /twice/, file("a"), file("a")],
  ["twice, once with ./", /twice/, file("a"), file("./a")],
  ["a folder that is a file", /twice/, file("a"), { name: "a/", type: "5" }],
  ["below a file", /lies below/, file("a"), file("a/b")],
  ["below a file, the other way round", /lies below/, file("a/b"), file("a")],
  ["an empty folder below a file", /lies below/, file("a"), { name: "a/b/", type: "5" }],
  ["a second manifest.json", /twice/, file("manifest.json")],
  ["below a link", /lies below/, link("a", "."), file("a/b")],
  ["a link, then a file through it", /twice/, link("a", "../outside"), file("a")],
  ["link that climbs", /leaves the tree/, link("a", "../outside")],
  ["link that is absolute", /is absolute/, link("a", "/etc/passwd")],
  [
    "link that leaves only when resolved",
    /leaves the tree/,
    file("d/e/f"),
    link("l", "d/e"),
    link("m", "l/../../../outside"),
  ],
  ["link that dangles", /dangles/, link("a", "nowhere")],
  ["links that loop", /loops/, link("a", "b"), link("b", "a")],
  ["link to its own folder", /closes a cycle/, file("d/x"), link("d/l", ".")],
  ["link without target", /target is 0 bytes/, link("a", "")],
  ["link with content", /size makes no sense/, { name: "a", type: "2", link: "b", content: "x" }],
  ["hard link to outside", /no file before it/, { name: "a", type: "1", link: "../outside" }],
  ["hard link to an absolute path", /no file before it/, { name: "a", type: "1", link: OUTSIDE }],
  [
    "hard link to what comes later",
    /no file before it/,
    { name: "a", type: "1", link: "b" },
    file("b"),
  ],
  [
    "hard link to a link",
    /no file before it/,
    file("b"),
    link("l", "b"),
    { name: "a", type: "1", link: "l" },
  ],
  [
    "hard link to a folder",
    /no file before it/,
    { name: "d/", type: "5" },
    { name: "a", type: "1", link: "d" },
  ],
  ["character device", /character-device/, { name: "a", type: "3" }],
  ["block device", /block-device/, { name: "a", type: "4" }],
  ["FIFO", /fifo/, { name: "a", type: "6" }],
  ["old contiguous file", /contiguous-file/, { name: "a", type: "7" }],
  ["a kind nobody knows", /kind that nobody knows/, { name: "a", type: "Z" }],
  ["GNU sparse", /kind that nobody knows/, { name: "a", type: "S" }],
  ["pax sparse", /sparse file/, pax({ "GNU.sparse.major": "1" }), file("a")],
  ["pax size that is not a number", /size makes no sense/, pax({ size: "1x" }), file("a")],
  ["pax size that is negative", /damaged/, pax({ size: "-1" }), file("a")],
  ["a folder with content", /size makes no sense/, { name: "a/", type: "5", content: "x" }],
  ["a file called like a folder", /empty segment/, file("a/")],
  [
    "a pax header that is too long",
    /bytes of headers/,
    pax({ comment: "x".repeat(70_000) }),
    file("a"),
  ],
  [
    "a global header that is too long",
    /bytes of headers/,
    pax({ c: "x".repeat(70_000) }, "g"),
    file("a"),
  ],
  ["a member after the end mark", /after its end mark/, file("a"), END, file("b")],
  [
    "a member after a damaged end mark",
    /after its end mark/,
    file("a"),
    notQuiteBlank(),
    file("b"),
  ],
  ["only one blank block, then a member", /after its end mark/, Buffer.alloc(512), file("b")],
  ["junk after the end mark", /damaged: Invalid tar header/, END, Buffer.alloc(512, 7)],
  ["a file that does not end", /Unexpected end|damaged/, { ...file("a"), size: 1 << 20 }],
];

/** tar-stream takes this for an end mark, a reader that looks at the checksum does not. */
function notQuiteBlank(): Buffer {
  const block = Buffer.alloc(512);
  block.write("000400\0 ", 148);
  return block;
}

test.for(MEMBERS)("%s", async ([, message, ...members]) => {
  const failed = await refusal(gzipSync(tarOf(...members)));
  expect(failed).toMatchObject({
    code: "CTXPACK_E_PACK",
    message: expect.stringMatching(message),
  });
});

const pair = (first: string, second: string) => `{"uri": "${URI}", ${first}, ${second}}`;
const described = (content: string | Uint8Array) =>
  gzipSync(Buffer.concat([member({ name: "manifest.json", content }), END]));

test.for<[string, RegExp, Uint8Array]>([
  ["no manifest.json", /has no manifest\.json/, gzipSync(Buffer.concat([member(file("a")), END]))],
  [
    "manifest.json in a folder",
    /has no manifest\.json/,
    gzipSync(Buffer.concat([member({ name: "x/manifest.json", content: description() }), END])),
  ],
  [
    "manifest.json as a folder",
    /has no manifest\.json/,
    gzipSync(Buffer.concat([member({ name: "manifest.json/", type: "5" }), END])),
  ],
  ["no JSON", /no JSON|manifest\.json of a v0 pack/, described("hello")],
  ["not UTF-8", /not UTF-8/, described(Uint8Array.of(0xff))],
  ["an array", /not a JSON object/, described("[]")],
  ["no contract", /has no "contract"/, described(`{"uri": "${URI}"}`)],
  ["no uri", /has no "uri"/, described(`{"contract": ${CONTRACT}}`)],
  [
    "two contracts",
    /has "contract" twice/,
    described(pair(`"contract": {}`, `"contract": ${CONTRACT}`)),
  ],
  [
    "two contracts, one spelled with an escape",
    /has "contract" twice/,
    described(pair(`"contrac\\u0074": {}`, `"contract": ${CONTRACT}`)),
  ],
  ["a contract that is no object", /no object/, described(`{"uri": "${URI}", "contract": "x"}`)],
  [
    "another contract",
    /is of another pack/,
    described(description(CONTRACT.replace("512", "256"), URI)),
  ],
  [
    "another uri",
    /is of another pack/,
    described(description(CONTRACT, `ctx://sha256:${"0".repeat(64)}`)),
  ],
  [
    "a URI that begins in the same way",
    /is of another pack/,
    described(description(CONTRACT, `${URI.slice(0, -1)}6` as typeof URI)),
  ],
  [
    "a contract with a path and no digest",
    /no digest is given/,
    described(description(`{"inputs":[{"path":"x"}]}`, URI)),
  ],
  [
    "a manifest.json of 5 MB",
    /manifest\.json of 5000000 bytes/,
    described(Buffer.alloc(5_000_000, 32)),
  ],
  ["nested 100,000 deep", /nested deeper/, described(`{"a":${"[".repeat(100_000)}`)],
])("manifest.json: %s", async ([, message, layer]) => {
  const failed = await refusal(layer);
  expect(failed).toMatchObject({
    code: "CTXPACK_E_PACK",
    message: expect.stringMatching(message),
  });
});

/** `size` zeros after the good tar's first member, as gzip, without ever holding them. */
function bomb(size: number): Uint8Array {
  // One block of 1 MiB of zeros, flushed to a byte boundary, again and again.
  const zeros = Buffer.alloc(1 << 20);
  const block = deflateRawSync(zeros, { finishFlush: 2 });
  const head = Buffer.concat([
    member({ name: "manifest.json", content: description() }),
    member({ name: "zeros", size: Math.min(size, 0o77777777777) }),
  ]);
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const first = deflateRawSync(head, { finishFlush: 2 });
  const blocks = Array.from({ length: size >> 20 }, () => block);
  return Buffer.concat([header, first, ...blocks]);
}

test.for<[string, RegExp, () => Uint8Array]>([
  [
    "garbage after it",
    /something else follows|damaged: incorrect header/,
    () => Buffer.concat([goodLayer(), Buffer.from("garbage")]),
  ],
  [
    "zeros after it",
    /something else follows/,
    () => Buffer.concat([goodLayer(), Buffer.alloc(100_000)]),
  ],
  ["cut short", /damaged: unexpected end of file/, () => goodLayer().subarray(0, -9)],
  ["a wrong checksum", /damaged: incorrect data check/, () => wrongChecksum()],
  ["no gzip", /damaged: incorrect header check/, () => goodTar()],
  ["nothing", /damaged: unexpected end of file|something else/, () => Buffer.alloc(0)],
  ["an empty tar", /has no manifest|without an end mark/, () => gzipSync(Buffer.alloc(0))],
  ["no end mark", /without an end mark/, () => gzipSync(goodTar().subarray(0, -1024))],
])("gzip: %s", async ([, message, layer]) => {
  const failed = await refusal(layer());
  expect(failed).toMatchObject({
    code: "CTXPACK_E_PACK",
    message: expect.stringMatching(message),
  });
});

test("gzip: a bomb of 1.1 GiB", async () => {
  await pushLegacy(join(cwd, "bomb"), bomb(1100 * 2 ** 20));
  const pantries = ["oci:bomb"];
  await using ctx = await CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: "store", pantries });
  await expect(ctx.pull(URI, { to: "out" })).rejects.toMatchObject({
    code: "CTXPACK_E_PACK",
    message: "the gzip layer is a decompression bomb: more than 1073741824 bytes",
  });
  expect(existsSync(join(cwd, "out"))).toBe(false);
});

function wrongChecksum(): Uint8Array {
  const layer = Buffer.from(goodLayer());
  layer.writeUInt32LE((crc32(goodTar()) + 1) >>> 0, layer.length - 8);
  return layer;
}

test("aliases of a large file are bounded too", async () => {
  const content = Buffer.alloc(8 << 20);
  const aliases = Array.from({ length: 200 }, (_, i) => ({
    name: `a${i}`,
    type: "1",
    link: "big",
  }));
  const failed = await refusal(gzipSync(tarOf({ name: "big", content }, ...aliases)));
  expect(failed).toMatchObject({
    code: "CTXPACK_E_PACK",
    message: expect.stringContaining("unpacks to more than 1073741824 bytes"),
  });
});

test.for<[string, RegExp, Oddities]>([
  ["two layers", /has 2 layers/, { layers: [goodLayer(), Buffer.from("x")] }],
  ["no layer", /has 0 layers/, { layers: [] }],
  ["a config that says something", /config is not \{\}/, { config: '{"os":"linux"}' }],
  ["an artifact type", /artifact type/, { members: { artifactType: "application/vnd.x" } }],
  [
    "another layer type",
    /layer is of type/,
    { members: { layers: [odd({ mediaType: "text/plain" })] } },
  ],
  ["a layer of a terabyte", /layer claims/, { members: { layers: [odd({ size: 2 ** 40 })] } }],
])("manifest: %s", async ([, message, oddities]) => {
  const failed = await refusal(goodLayer(), oddities);
  expect(failed).toMatchObject({
    code: "CTXPACK_E_PACK",
    message: expect.stringMatching(message),
  });
});

function odd(members: object): object {
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  return { mediaType, digest: `sha256:${"a".repeat(64)}`, size: 5, ...members };
}

test("a layer that is not what its digest says", async () => {
  const dir = join(cwd, "rotten");
  await pushLegacy(dir, goodLayer());
  const layout = await OciLayout.open(dir, { readOnly: true });
  const manifest = JSON.parse(readFileSync(layout.blobPath(await layout.resolve(TAG)), "utf8"));
  const blob = layout.blobPath(manifest.layers[0]);
  const bytes = readFileSync(blob);
  rmSync(blob);
  // The header's time: gunzip would not notice.
  bytes[4] = (bytes[4] ?? 0) ^ 1;
  writeFileSync(blob, bytes);
  await using ctx = await CtxPack.open({
    cwd,
    env: { HOME: cwd },
    cacheDir: "store",
    pantries: ["oci:rotten"],
  });
  await expect(ctx.pull(URI, { to: "out" })).rejects.toMatchObject({
    code: "CTXPACK_E_DIGEST_MISMATCH",
  });
  expect(existsSync(join(cwd, "out"))).toBe(false);
});
