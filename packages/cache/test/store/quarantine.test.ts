import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";
import { Blobs } from "../../src/store/blobs.ts";
import { Places } from "../../src/store/places.ts";
import { identityOf, quarantine } from "../../src/store/quarantine.ts";
import { folder, workplace } from "./fixture.ts";

const content = Buffer.from("content");
const d = { digest: sha256(content), size: content.length };

describe("what is put aside", () => {
  it("is what was seen: a right one that has taken its place stays", () => {
    const dir = folder(join(workplace(), "store"), { file: "damaged" });
    const places = new Places(dir);
    const path = join(dir, "file");
    const seen = identityOf(path);
    writeFileSync(join(dir, "right"), "right");
    renameSync(join(dir, "right"), path);
    quarantine(places, path, seen);
    expect(readFileSync(path, "utf8")).toBe("right");
    expect(readdirSync(places.quarantine)).toEqual([]);
    quarantine(places, path);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(places.quarantine)).toEqual([expect.stringMatching(/^file\./)]);
  });

  it("is no blob that is missing, and none that is whole", () => {
    const dir = folder(join(workplace(), "store"), { "blobs/sha256": null });
    const places = new Places(dir);
    const blobs = new Blobs(places, { path: () => join(dir, "temporary") });
    expect(blobs.quarantine(d)).toBe(true);
    writeFileSync(blobs.path(d.digest), content);
    expect(blobs.quarantine(d)).toBe(false);
    expect(existsSync(places.quarantine)).toBe(false);
    writeFileSync(blobs.path(d.digest), "CONTENT");
    expect(blobs.quarantine(d)).toBe(true);
    expect(existsSync(blobs.path(d.digest))).toBe(false);
    expect(readdirSync(places.quarantine)).toHaveLength(1);
  });
});
