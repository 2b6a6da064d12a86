import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";
import { Blobs } from "../../src/store/blobs.ts";
import { Places } from "../../src/store/places.ts";
import { quarantine } from "../../src/store/quarantine.ts";
import { identityOf } from "../../src/store/seen.ts";
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
    expect(existsSync(places.quarantine)).toBe(false);
    quarantine(places, path);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(places.quarantine)).toEqual([expect.stringMatching(/^file\./)]);
  });

  it("is no blob that was missing and is written by somebody else that moment", () => {
    const dir = folder(join(workplace(), "store"), { "blobs/sha256": null });
    const places = new Places(dir);
    class Raced extends Blobs {
      override isWhole(blob: typeof d): boolean {
        const isWhole = super.isWhole(blob);
        writeFileSync(this.path(blob.digest), content);
        return isWhole;
      }
    }
    const blobs = new Raced(places, { path: () => join(dir, "temporary") });
    expect(blobs.quarantine(d), "it is here now").toBe(false);
    expect(readFileSync(blobs.path(d.digest))).toEqual(content);
    expect(existsSync(places.quarantine)).toBe(false);
  });

  it("is a blob that is damaged", () => {
    const dir = folder(join(workplace(), "store"), { "blobs/sha256": null });
    const places = new Places(dir);
    const blobs = new Blobs(places, { path: () => join(dir, "temporary") });
    expect(blobs.quarantine(d), "it is missing").toBe(true);
    writeFileSync(blobs.path(d.digest), "CONTENT");
    expect(blobs.quarantine(d)).toBe(true);
    expect(existsSync(blobs.path(d.digest))).toBe(false);
    expect(readdirSync(places.quarantine)).toHaveLength(1);
  });
});
