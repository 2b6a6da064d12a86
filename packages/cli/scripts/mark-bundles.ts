// Writes at the end of every bundle the digest of what it is: part of the build, so that bin/code-cache.cjs knows of which
// build the code is that it has kept.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../dist");
for (const name of readdirSync(folder)) {
  if (!name.endsWith(".cjs")) continue;
  const file = join(folder, name);
  const bytes = readFileSync(file);
  if (bytes.some((byte) => byte >= 0x80)) throw new Error(`${name} is not ASCII`);
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
  writeFileSync(file, `${bytes.toString("latin1").trimEnd()}\n// ${digest}\n`);
}
