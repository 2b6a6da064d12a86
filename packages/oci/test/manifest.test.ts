import {
  artifactTypeOf,
  describeBytes,
  EMPTY_DESCRIPTOR,
  IMAGE_INDEX_TYPE,
  IMAGE_MANIFEST_TYPE,
  MANIFEST_LIMIT,
  parseManifest,
  successors,
} from "@ctxpack/oci";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encode, plain } from "./graph.ts";

const layer = { mediaType: "text/plain", digest: `sha256:${"0".repeat(64)}`, size: 3 };
const manifest = {
  schemaVersion: 2,
  mediaType: IMAGE_MANIFEST_TYPE,
  artifactType: "application/vnd.example",
  config: plain(EMPTY_DESCRIPTOR),
  layers: [layer],
};
const index = { schemaVersion: 2, mediaType: IMAGE_INDEX_TYPE, manifests: [] };

describe("parseManifest", () => {
  it("reads a manifest and an index", () => {
    const m = parseManifest(encode(manifest));
    expect(m).toEqual(manifest);
    expect(successors(m).map((d) => d.digest)).toEqual([EMPTY_DESCRIPTOR.digest, layer.digest]);
    expect(artifactTypeOf(m)).toBe("application/vnd.example");
    expect(parseManifest(encode(index))).toEqual(index);
  });

  it("does not count the subject among the successors", () => {
    const m = parseManifest(encode({ ...manifest, subject: layer, layers: [] }));
    expect(successors(m)).toHaveLength(1);
    expect(m.subject).toEqual(layer);
  });

  it("keeps an annotation called __proto__ an annotation", () => {
    const text = JSON.stringify(manifest).replace(
      '"layers"',
      '"annotations":{"__proto__":"x"},"layers"',
    );
    const { annotations } = parseManifest(encode(text));
    expect(Object.keys(annotations ?? {})).toEqual(["__proto__"]);
  });

  const without = (key: string): object => {
    const { [key]: _, ...rest } = manifest as Record<string, unknown>;
    return rest;
  };
  it.each<[string, unknown, string]>([
    ["no object", [], "the document is [], expected an object"],
    ["both layers and manifests", { ...manifest, manifests: [] }, "either layers or manifests"],
    ["an index with a config", { ...index, config: layer }, "either layers or manifests"],
    ["another spelling of a key", { ...manifest, Layers: [] }, "expected the key layers"],
    ["the type of a layer", { ...manifest, mediaType: "text/plain" }, "/mediaType"],
    ["no type", without("mediaType"), "/mediaType is nothing"],
    ["version 1", { ...manifest, schemaVersion: 1 }, "/schemaVersion is 1, expected 2"],
    ["no config", without("config"), "/config is nothing"],
    ["no layers", without("layers"), "/layers is nothing, expected an array"],
    ["an empty config without artifactType", without("artifactType"), "/artifactType is nothing"],
    ["a null subject", { ...manifest, subject: null }, "/subject is null, expected an object"],
    ["a number as annotation", { ...manifest, annotations: { a: 1 } }, "/annotations/a is 1"],
    ["upper-case hex", at({ digest: `sha256:${"A".repeat(64)}` }), "/layers/0/digest"],
    ["63 hex digits", at({ digest: `sha256:${"a".repeat(63)}` }), "/layers/0/digest"],
    ["a path as digest", at({ digest: "sha256:../../x" }), "/layers/0/digest"],
    ["an unknown algorithm", at({ digest: `md5:${"a".repeat(32)}` }), "/layers/0/digest"],
    ["a negative size", at({ size: -1 }), "/layers/0/size is -1"],
    ["a size of 2^53", at({ size: 2 ** 53 }), "/layers/0/size"],
    ["a fraction as size", at({ size: 1.5 }), "/layers/0/size is 1.5"],
    ["a string as size", at({ size: "3" }), '/layers/0/size is "3"'],
    ["a media type with parameters", at({ mediaType: "text/plain; a=b" }), "/layers/0/mediaType"],
    ["urls that are no list", at({ urls: "https://x" }), "/layers/0/urls"],
  ])("refuses %s", (_, document, message) => {
    expect(() => parseManifest(encode(document))).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_MANIFEST",
        message: expect.stringContaining(message),
      }),
    );
  });

  function at(change: object): object {
    return { ...manifest, layers: [{ ...layer, ...change }] };
  }

  it("refuses an infinite size and a key that is there twice", () => {
    const text = JSON.stringify(manifest);
    expect(() => parseManifest(encode(text.replace('"size":3', '"size":1e400')))).toThrow("/size");
    expect(() => parseManifest(encode(text.replace('"size":3', '"size":3,"size":4')))).toThrow(
      'has the key "size" twice',
    );
  });

  it("refuses a document over the limit before it looks inside", () => {
    expect(() => parseManifest(new Uint8Array(MANIFEST_LIMIT + 1))).toThrow("at most 4194304");
  });

  it("compares with the descriptor", () => {
    const bytes = encode(manifest);
    const d = describeBytes(IMAGE_MANIFEST_TYPE, bytes);
    expect(parseManifest(bytes, d)).toEqual(manifest);
    const code = (change: object): unknown => {
      try {
        return parseManifest(bytes, { ...d, ...change });
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(code({ size: d.size + 1 })).toBe("CTXPACK_E_SIZE_MISMATCH");
    expect(code({ digest: layer.digest })).toBe("CTXPACK_E_DIGEST_MISMATCH");
    expect(code({ mediaType: IMAGE_INDEX_TYPE })).toBe("CTXPACK_E_MANIFEST");
  });

  it("accepts the sha512 of foreign content", () => {
    const digest = `sha512:${"a".repeat(128)}`;
    const m = parseManifest(encode(at({ digest })));
    expect(successors(m)[1]?.digest).toBe(digest);
  });

  it("either throws CTXPACK_E_MANIFEST or gives descriptors that hold what they promise", () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constant(layer),
      fc.record({ mediaType: fc.string(), digest: fc.string(), size: fc.double() }),
    );
    const document = fc.record(
      {
        schemaVersion: fc.constant(2),
        mediaType: fc.constantFrom(IMAGE_MANIFEST_TYPE, IMAGE_INDEX_TYPE),
        artifactType: fc.constantFrom("a/b", "", 3),
        config: value,
        layers: fc.array(value),
        manifests: fc.array(value),
        subject: value,
        annotations: fc.jsonValue(),
      },
      { requiredKeys: ["schemaVersion", "mediaType"] },
    );
    fc.assert(
      fc.property(document, (doc) => {
        try {
          for (const d of successors(parseManifest(encode(doc)))) {
            expect(d.digest).toMatch(/^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$/);
            expect(d.size).toBeGreaterThanOrEqual(0);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: "CTXPACK_E_MANIFEST" });
        }
      }),
    );
  });
});
