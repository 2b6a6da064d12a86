import { mkdtempSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { busyRenames, removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, it } from "vitest";

const cwd = realpathSync(mkdtempSync(join(tmpdir(), "ctxpack-remotes-")));
afterAll(() => removeReadOnly(cwd));

it("adds a pantry though somebody looks at the configuration just now, as on Windows", async () => {
  const env = { HOME: cwd, XDG_CONFIG_HOME: join(cwd, "config") };
  await using ctx = await CtxPack.open({ cwd, env, cacheDir: "store", warn: () => {} });
  using busy = busyRenames();
  await ctx.addRemote("team", "oci:./pantry");
  expect(busy.refused).toHaveLength(1);
  const written = readFileSync(join(cwd, "config/ctxpack/config.json"), "utf8");
  expect(JSON.parse(written)).toMatchObject({ pantries: [{ name: "team" }] });
});
