import { buildManifest, LIMITS, parsePackManifest } from "@ctxpack/cache/pack";
import { describe, expect, it } from "vitest";
import { canonical, sha } from "./memory.ts";

const blob = (name: string, size: number) => ({ digest: sha(name), size });
const said = {
  kind: "contract" as const,
  config: blob("config", 300),
  index: blob("index", 1234),
  segments: [blob("one", 262_144), blob("two", 17)],
  tree: sha("tree"),
  files: 12,
  bytes: 345_678,
};
const good = Buffer.from(buildManifest(said)).toString();
const parse = (text: string) => parsePackManifest(Buffer.from(text));

describe("buildManifest", () => {
  it("writes the bytes of the specification", () => {
    const layer = (
      kind: string,
      title: string,
      { digest, size }: { digest: string; size: number },
    ) =>
      `{"annotations":{"org.opencontainers.image.title":"${title}"},"digest":"${digest}","mediaType":"application/vnd.ctxpack.${kind}","size":${size}}`;
    expect(good).toBe(
      `{"annotations":{"dev.ctxpack.bytes":"345678","dev.ctxpack.files":"12","dev.ctxpack.tree":"${said.tree}"},` +
        `"artifactType":"application/vnd.ctxpack.pack.v1",` +
        `"config":{"digest":"${said.config.digest}","mediaType":"application/vnd.ctxpack.contract.v1+json","size":300},` +
        `"layers":[${layer("index.v1+json+zstd", "index.json.zst", said.index)},` +
        `${layer("segment.v1.tar+zstd", "0001.tar.zst", said.segments[0] as typeof said.index)},` +
        `${layer("segment.v1.tar+zstd", "0002.tar.zst", said.segments[1] as typeof said.index)}],` +
        `"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}`,
    );
    expect(canonical(JSON.parse(good))).toBe(good);
  });

  it("fits the largest pack into 1 MiB", () => {
    const segments = Array.from({ length: LIMITS.segments }, (_, i) => blob(`${i}`, 2 ** 27));
    const bytes = buildManifest({ ...said, segments, files: 2 ** 20, bytes: 2 ** 52 });
    expect(bytes.length).toBeLessThan(LIMITS.manifest);
    const parsed = parsePackManifest(bytes);
    expect(parsed.segments.at(-1)?.annotations).toEqual({
      "org.opencontainers.image.title": "3999.tar.zst",
    });
    const more = [...segments, blob("more", 1)];
    expect(() => buildManifest({ ...said, segments: more })).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_TOO_LARGE" }),
    );
  });
});

it("tells the trace of a run by its types", () => {
  const bytes = buildManifest({ ...said, kind: "trace" });
  const manifest = JSON.parse(Buffer.from(bytes).toString());
  expect(manifest.artifactType).toBe("application/vnd.ctxpack.trace.v1");
  expect(manifest.config.mediaType).toBe("application/vnd.ctxpack.run.v1+json");
  expect(parsePackManifest(bytes)).toMatchObject({ kind: "trace", config: manifest.config });
  const mixed = good.replace("pack.v1", "trace.v1");
  expect(() => parse(mixed)).toThrow(/other members/);
});

describe("parsePackManifest", () => {
  it("refuses blobs larger than any frame of their kind, before anybody fetches them", () => {
    const index = { ...said, index: blob("index", 2 ** 28 + 2 ** 22) };
    const segment = { ...said, segments: [blob("one", 2 ** 40)] };
    expect(() => parsePackManifest(buildManifest(index))).toThrow(/\/layers\/0\/size is 2/);
    expect(() => parsePackManifest(buildManifest(segment))).toThrow(/\/layers\/1\/size is 1/);
  });

  it("reads what was written", () => {
    const parsed = parse(good);
    expect(parsed).toMatchObject(said);
    expect(parsed.config.mediaType).toBe("application/vnd.ctxpack.contract.v1+json");
    expect(buildManifest(parsed)).toEqual(Buffer.from(good));
  });

  it.each<[string, (text: string) => string]>([
    ["white space", (t) => JSON.stringify(JSON.parse(t), null, 1)],
    ["a newline at the end", (t) => `${t}\n`],
    [
      "another order",
      (t) =>
        t
          .replace(/("schemaVersion":2)(.*)/, "$1$2")
          .replace('{"annotations"', '{"schemaVersion":2,"annotations"'),
    ],
    [
      "a member twice",
      (t) => t.replace('"schemaVersion":2', '"schemaVersion":2,"schemaVersion":2'),
    ],
    [
      "a subject",
      (t) => t.replace(/}$/, `,"subject":{"digest":"${sha("s")}","mediaType":"a/b","size":1}}`),
    ],
    [
      "another annotation",
      (t) => t.replace('"dev.ctxpack.tree"', '"dev.ctxpack.time":"now","dev.ctxpack.tree"'),
    ],
    ["another schemaVersion", (t) => t.replace('"schemaVersion":2', '"schemaVersion":3')],
    ["another media type", (t) => t.replace("oci.image.manifest", "docker.distribution.manifest")],
    ["another artifactType", (t) => t.replace("ctxpack.pack.v1", "ctxpack.pack.v2")],
    ["no artifactType", (t) => t.replace('"artifactType":"application/vnd.ctxpack.pack.v1",', "")],
    ["another config type", (t) => t.replace("contract.v1+json", "contract.v2+json")],
    ["no config", (t) => t.replace(/"config":\{[^}]*\},/, "")],
    ["a config over 1 MiB", (t) => t.replace('"size":300}', '"size":1048577}')],
    ["a wrong title", (t) => t.replace("0002.tar.zst", "0003.tar.zst")],
    [
      "layers in another order",
      (t) => t.replace("0001.tar", "x").replace("0002.tar", "0001.tar").replace('"x', '"0002.tar'),
    ],
    ["urls in a layer", (t) => t.replace('"size":17', '"size":17,"urls":["https://example.com"]')],
    ["data in a layer", (t) => t.replace('"digest":', '"data":"eA==","digest":')],
    ["sha512", (t) => t.replace(said.index.digest, `sha512:${"a".repeat(128)}`)],
    [
      "a digest that climbs",
      (t) => t.replace(said.index.digest, `sha256:../../../../etc/passwd${"0".repeat(38)}`),
    ],
    ["a negative size", (t) => t.replace('"size":17', '"size":-17')],
    ["a size of nothing", (t) => t.replace('"size":17', '"size":0')],
    ["a size that is text", (t) => t.replace('"size":17', '"size":"17"')],
    ["a size with an exponent", (t) => t.replace('"size":17', '"size":1.7e1')],
    ["files as a number", (t) => t.replace('"dev.ctxpack.files":"12"', '"dev.ctxpack.files":12')],
    ["files with a zero in front", (t) => t.replace('"12"', '"012"')],
    ["bytes beyond 2^53", (t) => t.replace('"345678"', '"9007199254740992"')],
    ["a tree that is no digest", (t) => t.replace(said.tree, "sha256:0")],
    ["no annotations", (t) => t.replace(/"annotations":\{[^}]*\},"art/, '"art')],
    [
      "annotations that are null",
      (t) => t.replace(/"annotations":\{[^}]*\},"art/, '"annotations":null,"art'),
    ],
    [
      "no segments",
      (t) => t.replace(/,\{"annotations":\{"org\.opencontainers\.image\.title":"000.*\}\]/, "]"),
    ],
    ["no layers", (t) => t.replace(/"layers":\[.*\]/, '"layers":[]')],
    ["layers that are null", (t) => t.replace(/"layers":\[.*\]/, '"layers":[null,null]')],
    ["an escape nobody needs", (t) => t.replace("0001.tar", "\\u0030001.tar")],
    ["bytes that are not UTF-8", () => "\ufffd"],
    ["an array", () => "[]"],
    ["nothing", () => ""],
  ])("refuses a manifest with %s", (_, change) => {
    const forged = change(good);
    expect(forged).not.toBe(good);
    expect(() => parse(forged)).toThrow(expect.objectContaining({ code: "CTXPACK_E_PACK" }));
  });

  it("refuses more than 1 MiB before parsing", () => {
    expect(() => parsePackManifest(Buffer.alloc(LIMITS.manifest + 1, " "))).toThrow(/at most/);
  });

  it("says what another artifact is", () => {
    expect(() => parse('{"schemaVersion":2,"artifactType":"application/vnd.acme"}')).toThrow(
      /has the artifactType "application\/vnd.acme", expected/,
    );
  });
});
