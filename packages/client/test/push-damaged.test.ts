// What a disk did to a blob is not sent to anybody, and no registry is blamed for it.

import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { scratchFolder, startFaultRegistry } from "@ctxpack/test-tools";
import { expect, test } from "vitest";

test.for(["a registry", "a folder"])(
  "a blob that rotted in the store is named: %s",
  async (kind) => {
    using scratch = scratchFolder();
    const cwd = scratch.path;
    await using server = await startFaultRegistry();
    mkdirSync(join(cwd, "out"));
    writeFileSync(join(cwd, "out/data"), randomBytes(300_000));
    await using ctx = await CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: "store" });
    const { record } = await ctx.seed("out", { contract: { transforms: [{ tool: "t" }] } });
    const blobs = join(cwd, "store/blobs/sha256");
    const [largest = ""] = readdirSync(blobs).sort(
      (a, b) => statSync(join(blobs, b)).size - statSync(join(blobs, a)).size,
    );
    const file = join(blobs, largest);
    const bytes = readFileSync(file);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    chmodSync(file, 0o644);
    writeFileSync(file, bytes);
    const to = kind === "a folder" ? "oci:pantry" : `${server.host}/acme/packs`;
    await expect(ctx.push(record.uri, { to })).rejects.toMatchObject({
      code: "CTXPACK_E_STORE_DAMAGED",
      message: expect.stringContaining(`the store's blob sha256:${largest} is damaged`),
      hint: expect.stringContaining("fsck --repair"),
    });
    expect(server.blobs("acme/packs").has(`sha256:${largest}`)).toBe(false);
    const ended = server.requests.filter(({ method, status }) => method === "PUT" && status >= 400);
    expect(ended).toEqual([]);
  },
);
