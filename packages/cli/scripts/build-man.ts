// Writes the manual into dist/man: part of the build, so that it says what the commands say.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../src/version.ts";
import { manPages } from "./man-pages.ts";

const folder = join(import.meta.dirname, "../dist/man");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, page] of await manPages(version())) writeFileSync(join(folder, name), page);
