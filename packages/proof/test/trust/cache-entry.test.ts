import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CacheEntry, formatEntry, parseEntry } from "../../src/trust/cache-entry.ts";

const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const count = fc.nat();
const entries: fc.Arbitrary<CacheEntry> = fc.record({
  v: fc.constant(1 as const),
  mirror: fc.webUrl(),
  rootVersion: count,
  fetchedAt: count,
  hardExpiresAt: count,
  roots: fc.array(hex, { maxLength: 5 }),
  timestamp: hex,
  snapshot: hex,
  targets: hex,
  target: fc.record({ name: fc.constant("trusted_root.json"), length: count, sha256: hex }),
});

describe("entry.json", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(parseEntry(formatEntry(entry))).toEqual(entry);
      }),
    );
  });

  it("is not read when a byte of it is another one, and never throws", () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.integer({ min: 1, max: 255 }), (entry, at, by) => {
        const bytes = Buffer.from(formatEntry(entry));
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ by;
        // White space, or upper case in an escape, may say the same.
        const read = parseEntry(bytes);
        if (read !== undefined) expect(read).toEqual(entry);
      }),
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => parseEntry(bytes) === undefined));
    fc.assert(fc.property(fc.json(), (text) => parseEntry(Buffer.from(text)) === undefined));
  });

  it("names no file but by a digest", () => {
    const [entry] = fc.sample(entries, 1) as [CacheEntry];
    for (const name of ["../../../etc/passwd", "A".repeat(64), "", 7]) {
      expect(parseEntry(formatEntry({ ...entry, timestamp: name as string }))).toBeUndefined();
      expect(parseEntry(formatEntry({ ...entry, roots: [name as string] }))).toBeUndefined();
    }
  });
});
