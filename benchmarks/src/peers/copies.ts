import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeCommand, quote } from "../programs.ts";
import type { Bench } from "../question.ts";
import type { Peer } from "./peer.ts";

const SCRIPT = fileURLToPath(new URL("./cacache.js", import.meta.url));

const rclone: Peer = {
  name: "`rclone`",
  programs: ["rclone"],
  setup:
    "whole files, four at a time, not compressed, each digest compared after the copy; only what size and time show as changed, over the version before; `sync -f` at the end",
  hash: (folder) => `rclone hashsum sha256 ${quote(folder)}`,
  at: (home) => ({
    dir: home,
    // One copy of all versions: it skips what lies there already.
    store: (folder) =>
      `rclone copy ${quote(folder)} ${quote(join(home, "copy"))}; sync -f ${quote(home)}`,
    restore: (to) => `rclone copy ${quote(join(home, "copy"))} ${quote(to)}`,
  }),
  transfer: {
    wants: "folder",
    push: (home, { name }) =>
      `rclone copy ${quote(join(home, "copy"))} ${quote(name)}; sync -f ${quote(name)}`,
    pull: ({ name }, to) => `rclone copy ${quote(name)} ${quote(to)}`,
  },
};

/** Peers that keep whole files. */
export function copies(bench: Pick<Bench, "note">): Peer[] {
  const module = npmModule("cacache");
  if (module !== undefined) return [rclone, cacache(module)];
  bench.note("absent: cacache, which npm brings; its row is left out");
  return [rclone];
}

function cacache(module: string): Peer {
  const run = (what: string, folder: string, cache: string, name: string): string =>
    [...nodeCommand(), SCRIPT, module, what, folder, cache, name].map(quote).join(" ");
  return {
    name: "`cacache`",
    programs: ["npm"],
    setup:
      "the one that npm brings, 16 files at a time; sha256 of each file, whole and not compressed, checked when it is read; `sync -f` at the end",
    at: (home) => ({
      dir: home,
      store: (folder, version) => `${run("put", folder, home, version)}; sync -f ${quote(home)}`,
      restore: (to) => run("get", to, home, "first"),
    }),
  };
}

/** Where npm has a module of its own; `undefined` where there is no npm, or it has none. */
function npmModule(name: string): string | undefined {
  const { stdout } = spawnSync("npm", ["root", "-g"], { encoding: "utf8" });
  const folder = join(stdout?.trim() ?? "", "npm/node_modules", name);
  return stdout && existsSync(folder) ? folder : undefined;
}
