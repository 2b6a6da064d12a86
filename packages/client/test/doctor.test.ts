import { expect, test } from "vitest";
import { locks } from "../src/doctor/store.ts";

const about = { area: "store", subject: "store" } as const;

test("a store whose locks this machine's kernel keeps is worth no word", () => {
  expect(locks(about, { locks: "kernel", fileSystem: "ext4" })).toEqual([]);
});

test.each([
  ["server", "nfs", /only as good as the server's \(nfs\)$/],
  ["program", "fuse", /\(FUSE\): whether its locks hold .* \(fuse\)$/],
] as const)("a store whose locks a %s keeps is warned of", (keeper, fileSystem, message) => {
  expect(locks(about, { locks: keeper, fileSystem })).toMatchObject([
    {
      area: "store",
      state: "warning",
      message: expect.stringMatching(message),
      hint: expect.stringContaining("CTXPACK_CACHE_DIR"),
    },
  ]);
});
