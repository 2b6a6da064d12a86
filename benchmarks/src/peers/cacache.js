// A folder into npm's cache and back:  node cacache.js MODULE put|get FOLDER CACHE NAME
// JavaScript, not TypeScript: stripping types would count as start-up.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [module, command, folder, cache, name] = process.argv.slice(2);
const cacache = createRequire(import.meta.url)(module);
const list = `${cache}/${name}.list`;
const options = { algorithms: ["sha256"] };
/** Files in work at a time. */
const AT_ONCE = 16;
if (command === "put") {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1));
  const kept = [];
  await each(files, async (file) => {
    const content = await readFile(join(folder, file));
    const digest = await cacache.put(cache, `${name}/${file}`, content, options);
    kept.push([file, String(digest)]);
  });
  writeFileSync(list, JSON.stringify(kept));
} else {
  await each(JSON.parse(readFileSync(list, "utf8")), async ([file, digest]) => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), await cacache.get.byDigest(cache, digest));
  });
}

/** Awaits `work` for each of them. */
async function each(all, work) {
  const left = all.values();
  const worker = async () => {
    for (const one of left) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
