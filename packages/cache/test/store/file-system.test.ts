import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { probeDisk } from "../../src/index.ts";
import { fileSystemOf } from "../../src/store/file-system.ts";
import { workplace } from "./fixture.ts";

it.each([
  [0xef53, "ext4", "kernel"],
  [0x6969, "nfs", "server"],
  [0xff534d42, "cifs", "server"],
  // As a signed number.
  [0xff534d42 | 0, "cifs", "server"],
  [0x01021997, "9p", "server"],
  [0x65735546, "fuse", "program"],
  [0x12345678, "0x12345678", "kernel"],
])("%i is %s, whose locks a %s keeps", (type, fileSystem, locks) => {
  expect(fileSystemOf(type)).toEqual({ fileSystem, locks });
});

it("a disk is looked at where it is, also for a folder that is not there yet", () => {
  const dir = join(workplace(), "disk");
  mkdirSync(dir);
  const disk = probeDisk(join(dir, "not/there/yet"));
  const { fileSystem, size } = probeDisk(dir);
  expect(disk).toMatchObject({ fileSystem, size });
  expect(disk).toMatchObject({ locks: expect.any(String), writable: true });
});
