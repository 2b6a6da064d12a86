import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeWhole } from "../../src/file/write-whole.ts";
import { makePrivateFolder, readUpTo } from "../../src/trust/files.ts";
import { trustFolder } from "./places.ts";

describe("writeWhole", () => {
  it("leaves nothing behind when it fails", async () => {
    const folder = trustFolder();
    const path = join(folder, "file");
    await writeWhole(path, Buffer.from("one"));
    await writeWhole(path, Buffer.from("two"));
    expect(readFileSync(path, "utf8")).toBe("two");
    mkdirSync(join(folder, "taken", "inside"), { recursive: true });
    await expect(writeWhole(join(folder, "taken"), Buffer.from("three"))).rejects.toThrow();
    expect(readdirSync(folder).sort()).toEqual(["file", "taken"]);
  });
});

describe("readUpTo", () => {
  it("reads regular files only, and so much of them", async () => {
    const folder = trustFolder();
    const path = join(folder, "file");
    writeFileSync(path, "0123456789");
    expect(`${await readUpTo(path, 100)}`).toBe("0123456789");
    expect(`${await readUpTo(path, 4)}`).toBe("01234");
    symlinkSync(path, join(folder, "link"));
    for (const name of ["link", "absent", "file/below", "."]) {
      expect(await readUpTo(join(folder, name), 100)).toBeUndefined();
    }
    symlinkSync("loop", join(folder, "loop"));
    await expect(readUpTo(join(folder, "loop", "file"), 1)).rejects.toMatchObject({
      code: "ELOOP",
    });
  });
});

describe("makePrivateFolder", () => {
  it("does not go where a link leads", async () => {
    const folder = trustFolder();
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync("elsewhere", join(folder, "link"));
    await expect(makePrivateFolder(join(folder, "link"))).rejects.toMatchObject({
      code: "ENOTDIR",
    });
    await makePrivateFolder(join(folder, "elsewhere"));
  });
});
