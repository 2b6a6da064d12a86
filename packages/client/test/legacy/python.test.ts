// Packs as the prototype's own language writes them: python3's json, hashlib, tarfile and gzip.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import type { CtxUri } from "@ctxpack/identity";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";
import { pushLegacy } from "./pantry.ts";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-v0-python-"));
afterAll(() => removeReadOnly(cwd));

const python = spawnSync("python3", ["--version"]).status === 0;
if (!python) console.warn("skipped: needs python3");

const SEED = `
import hashlib, json, os, sys, tarfile
layout, style = sys.argv[1], {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}[sys.argv[2]]
os.makedirs("out/deep/empty"); os.chdir("out")
names = ["deep/a.txt", "deep/" + "long" * 20 + "/" + "name" * 20 + ".txt"]
if style != tarfile.USTAR_FORMAT: names += ["deep/gr\\u00fc\\u00dfe \\U0001f600.txt", "x" * 200]
for name in names:
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8") as f: f.write(name * 1000)
os.chmod("deep/a.txt", 0o755)
os.symlink("deep/a.txt", "latest"); os.link("deep/a.txt", "same.txt")
contract = {"tool": "ocr", "params": {"dpi": 300, "scale": 1.0, "tiny": 1e-7, "big": 10**20, "stra\\u00dfe": "\\u00fc\\U0001f600"},
            "inputs": [{"name": "docs", "digest": "ab" * 32}]}
uri = "ctx://sha256:" + hashlib.sha256(json.dumps(contract, sort_keys=True).encode()).hexdigest()
with open("manifest.json", "w") as f:
    json.dump({"uri": uri, "contract": contract, "provenance": {"python": sys.version, "when": 1.5}}, f, indent=2)
with tarfile.open("../layer.tar.gz", "w:gz", format=style) as tar:
    if layout == "dot": tar.add(".", arcname=".")
    else:
        for name in sorted(os.listdir(".")): tar.add(name)
print(json.dumps({"uri": uri, "names": names}))
`;

test.skipIf(!python).for([
  ["names", "pax"],
  ["dot", "pax"],
  ["names", "gnu"],
  ["dot", "ustar"],
])("python3 tarfile, %s, %s", async ([layout, style]) => {
  const dir = mkdtempSync(join(cwd, "seed-"));
  const done = spawnSync("python3", ["-c", SEED, layout as string, style as string], {
    cwd: dir,
    encoding: "utf8",
  });
  expect(done.stderr).toBe("");
  const { uri, names } = JSON.parse(done.stdout) as { uri: CtxUri; names: string[] };
  writeFileSync(join(dir, "marker"), "");
  await pushLegacy(join(dir, "pantry"), readFileSync(join(dir, "layer.tar.gz")), {
    tag: uri.slice(13, 25),
  });
  const pantries = ["oci:pantry"];
  await using ctx = await CtxPack.open({ cwd: dir, env: { HOME: dir }, cacheDir: "s", pantries });
  expect(await ctx.inspect(uri)).toMatchObject({ uri, provenance: { when: 1.5 } });
  const { path } = await ctx.pull(uri, { to: "pulled" });
  const diff = spawnSync("diff", ["-r", "--no-dereference", join(dir, "out"), path]);
  expect(diff.stdout.toString()).toBe("");
  expect(diff.status).toBe(0);
  expect(names.length).toBeGreaterThan(1);
  expect(statSync(join(path, "same.txt")).mode & 0o100).toBe(0o100);
});
