import { existsSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { scratchFolder, startFaultRegistry } from "@ctxpack/test-tools";
import { expect, test } from "vitest";

test("an account is one of a host: what is more is refused, and nothing is kept", async () => {
  using scratch = scratchFolder();
  const cwd = scratch.path;
  await using server = await startFaultRegistry({ auth: "basic" });
  await using ctx = await CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: "store" });
  const account = { username: "alice", password: "s3cret" };
  await expect(ctx.login(`${server.host}/acme`, account)).rejects.toMatchObject({
    code: "CTXPACK_E_USAGE",
    message: `${server.host}/acme is more than a registry's host`,
    hint: expect.stringContaining(`ctxpack login ${server.host}`),
  });
  expect(existsSync(join(cwd, ".docker"))).toBe(false);
  expect(server.requests).toEqual([]);
  const kept = await ctx.login(server.host.replace("127.0.0.1", "LocalHost"), account);
  expect(kept).toMatchObject({ username: "alice" });
});
