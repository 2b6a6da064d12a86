// Promise 2 of the product: a user who loses ctxpack loses nothing. Other people's tools check the URI and
// give the output back.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "./run.ts";

cleanUp();

/** Whether the programs are on this machine; says which one is not. */
function has(...programs: string[]): boolean {
  const missing = programs.filter((p) => spawnSync("which", [p]).status !== 0);
  if (missing.length > 0) console.warn(`skipped: needs ${missing.join(", ")}`);
  return missing.length === 0;
}

/** A pushed pack whose output has long names, links, modes, empty folders and several segments. */
async function pushed(): Promise<{ cwd: string; uri: string; tag: string }> {
  const cwd = scratch();
  writeFileSync(
    join(cwd, "c.json"),
    JSON.stringify({ inputs: [{ name: "seed", value: 7 }], transforms: [{ tool: "make" }] }),
  );
  const out = join(cwd, "out");
  mkdirSync(join(out, "deep", "d".repeat(90), "e".repeat(90)), { recursive: true });
  mkdirSync(join(out, "empty"));
  let state = 42;
  const noise = Uint8Array.from({ length: 3_000_000 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  writeFileSync(join(out, "noise.bin"), noise);
  writeFileSync(join(out, "deep", "d".repeat(90), "e".repeat(90), "grüße 日本.txt"), "hallo\n");
  writeFileSync(join(out, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(out, "nothing"), "");
  symlinkSync("../noise.bin", join(out, "deep", "link"));
  const uri = await result(["seed", "out", "--contract", "c.json"], { cwd });
  await result(["push", uri, "--to", "oci:./pantry"], { cwd });
  return { cwd, uri, tag: `ctx-${uri.slice("ctx://sha256:".length)}` };
}

test.skipIf(!has("sha256sum"))(
  "printf '%s' of the canonical bytes, piped to sha256sum, is the URI",
  async () => {
    const { cwd, uri } = await pushed();
    const explained = await result(["id", "c.json", "--explain"], { cwd });
    const sum = execFileSync("sh", ["-c", `printf '%s' "$1" | sha256sum`, "sh", explained]);
    expect(`ctx://sha256:${sum.toString().slice(0, 64)}`).toBe(uri);
  },
);

test.skipIf(!has("skopeo"))(
  "skopeo sees a manifest whose config digest is the URI, and copies the pack",
  async () => {
    const { cwd, uri, tag } = await pushed();
    const raw = execFileSync("skopeo", ["inspect", "--raw", `oci:./pantry:${tag}`], { cwd });
    expect(`ctx://${JSON.parse(raw.toString()).config.digest}`).toBe(uri);
    execFileSync("skopeo", ["copy", "-q", `oci:./pantry:${tag}`, `oci:./copy:${tag}`], { cwd });
    execFileSync("skopeo", ["copy", "-q", `oci:./copy:${tag}`, `oci-archive:copy.tar:${tag}`], {
      cwd,
    });
    for (const from of ["oci:./copy", "oci-archive:copy.tar"]) {
      const env = { CTXPACK_CACHE_DIR: join(cwd, from.replace(/\W/g, "_")) };
      const path = await result(["pull", uri, "--from", from], { cwd, env });
      expect(
        spawnSync("diff", ["-r", "--no-dereference", join(cwd, "out"), path]).stdout.toString(),
      ).toBe("");
    }
  },
);

test.skipIf(!has("zstd", "tar", "diff"))(
  "cat, zstd and tar give the output back byte for byte",
  async () => {
    const { cwd, tag } = await pushed();
    const index = JSON.parse(readFileSync(join(cwd, "pantry/index.json"), "utf8"));
    const { digest } = index.manifests.find(
      (m: { annotations?: Record<string, string> }) =>
        m.annotations?.["org.opencontainers.image.ref.name"] === tag,
    );
    const blob = (d: string): string => join("pantry/blobs", d.replace(":", "/"));
    const manifest = JSON.parse(readFileSync(join(cwd, blob(digest)), "utf8"));
    const segments = manifest.layers.slice(1).map((l: { digest: string }) => blob(l.digest));
    expect(segments.length).toBeGreaterThan(3);
    mkdirSync(join(cwd, "back"));
    execFileSync("sh", ["-c", 'cat "$@" | zstd -dq | tar x -C back', "sh", ...segments], { cwd });
    const difference = spawnSync("diff", ["-r", "--no-dereference", "out", "back"], { cwd });
    expect(difference.stdout.toString() + difference.stderr.toString()).toBe("");
    const modes = (dir: string): string =>
      execFileSync("find", [".", "-type", "f", "-perm", "-u+x"], {
        cwd: join(cwd, dir),
      }).toString();
    expect(modes("back")).toBe(modes("out"));
  },
);

test("seeding in two folders, under two umasks and at two times gives one manifest", async () => {
  const { cwd, uri } = await pushed();
  execFileSync(
    "sh",
    ["-c", "umask 077 && mkdir other && cp -R out other/out && sleep 1 && touch other/out/nothing"],
    { cwd },
  );
  const other = { cwd: join(cwd, "other"), env: { CTXPACK_CACHE_DIR: join(cwd, "store-b") } };
  const again = await run(["seed", "out", "--contract", "../c.json"], other);
  expect(again.stdout).toBe(`${uri}\n`);
  const manifest = async (options: typeof other | { cwd: string }): Promise<string> =>
    JSON.parse(await result(["inspect", uri, "--json"], options)).manifest;
  expect(await manifest(other)).toEqual(await manifest({ cwd }));
});
