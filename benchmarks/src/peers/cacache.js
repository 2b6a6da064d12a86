// A folder into npm's cache and back:  node cacache.js MODULE put|get FOLDER CACHE NAME
// JavaScript, not TypeScript: stripping types would count as start-up.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [module, command, folder, cache, name] = process.argv.slice(2);
const cacache = createRequire(import.meta.url)(module);
const list = `${cache}/${name}.list`;
const options = { algorithms: ["sha256"] };
if (command === "put") {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1));
  const kept = [];
  for (const file of files) {
    const digest = await cacache.put(
      cache,
      `${name}/${file}`,
      readFileSync(join(folder, file)),
      options,
    );
    kept.push([file, String(digest)]);
  }
  writeFileSync(list, JSON.stringify(kept));
} else {
  for (const [file, digest] of JSON.parse(readFileSync(list, "utf8"))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), await cacache.get.byDigest(cache, digest));
  }
}
