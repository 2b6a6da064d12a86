// Packs that the first prototype pushed to a registry: they can be read there, and are never a result.
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { copy, OciLayout } from "@ctxpack/oci";
import { Registry } from "@ctxpack/oci/remote";
import { missingProgram, removeReadOnly, startDockerRegistry } from "@ctxpack/test-tools";
import { expect, onTestFinished, test } from "vitest";
import { goodLayer, pushLegacy, TAG, URI } from "./pantry.ts";

test.skipIf(missingProgram("docker-registry"))("a v0 pack in a registry", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "ctxpack-v0-registry-"));
  onTestFinished(() => removeReadOnly(cwd));
  await using server = await startDockerRegistry();
  await pushLegacy(join(cwd, "pantry"), goodLayer());
  const address = `${server.host}/old/packs`;
  {
    await using registry = new Registry(server.host);
    await copy(await OciLayout.open(join(cwd, "pantry")), TAG, registry.repository("old/packs"));
  }
  await using ctx = await CtxPack.open({
    cwd,
    env: { HOME: cwd },
    cacheDir: "store",
    pantries: [address],
  });
  const pulled = await ctx.pull(URI, { to: "out" });
  expect(pulled).toMatchObject({ profile: "v0", source: address });
  expect(readdirSync(join(cwd, "out"))).toContain("manifest.json");
  expect(await ctx.inspect(URI)).toMatchObject({ profile: "v0" });
  expect(await ctx.exists(URI)).toMatchObject({ where: [], legacy: address });
  await expect(ctx.push(URI)).rejects.toMatchObject({ code: "CTXPACK_E_UNSUPPORTED" });
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"vision-ocr"}]}');
  expect((await ctx.resolve("c.json")).hit).toBe(false);
});
