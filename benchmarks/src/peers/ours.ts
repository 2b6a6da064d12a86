import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ctxpackCommand, nodeCommand, quote } from "../programs.ts";
import type { Peer } from "./peer.ts";

const HASH_TREE = fileURLToPath(new URL("../hash-tree.js", import.meta.url));

/** A pack of the default profile. */
export const ours: Peer = {
  name: "`ctxpack`",
  programs: [],
  setup:
    "sha256 of each file, each segment and the pack; segments cut by content, zstd -1; fdatasync of each blob before it is visible; restore and pull check every byte",
  hash: (folder, home) => {
    const input = { name: "folder", path: folder };
    const contract = JSON.stringify({ inputs: [input], transforms: [{ tool: "benchmark" }] });
    const file = quote(join(home, "contract.json"));
    return `echo ${quote(contract)} > ${file}; ${client(join(home, "store"))} id ${file}`;
  },
  at: (home) => ({
    dir: join(home, "store"),
    store: (folder, version) => {
      const contract = quote(join(home, `${version}.json`));
      return (
        `echo '{"transforms":[{"tool":"${version}"}]}' > ${contract}; ` +
        `${client(join(home, "store"))} seed ${quote(folder)} --contract ${contract} > ${uriFile(home)}`
      );
    },
    restore: (to) =>
      `${client(join(home, "store"))} pull "$(cat ${uriFile(home)})" --to ${quote(join(to, "files"))}`,
  }),
  transfer: {
    wants: "registry",
    push: (home, { host, name }) =>
      `${client(join(home, "store"))} push "$(cat ${uriFile(home)})" --to ${host}/${name}`,
    pull: ({ host, name }, to, home) =>
      `${client(`${to}-store`)} pull "$(cat ${uriFile(home)})" --from ${host}/${name} --to ${quote(join(to, "files"))}`,
  },
};

/** The library alone, without the command around it. */
export const hashTree: Peer = {
  name: "`ctxpack`'s `hashTree` in a fresh node",
  programs: [],
  setup: "sha256 of each file; nothing is looked up or remembered",
  hash: (folder) => command([...nodeCommand(), HASH_TREE, folder]),
};

/** The same pack through a folder, as peers that send to no registry. */
export const throughFolder: Peer = {
  name: "`ctxpack` through a folder",
  programs: [],
  setup:
    "the same pack as an image layout; fdatasync of each blob before it is visible; pull checks every byte",
  of: ours.name,
  transfer: {
    wants: "folder",
    push: (home, { name }) =>
      `${client(join(home, "store"))} push "$(cat ${uriFile(home)})" --to ${quote(`oci:${name}`)}`,
    pull: ({ name }, to, home) =>
      `${client(`${to}-store`)} pull "$(cat ${uriFile(home)})" --from ${quote(`oci:${name}`)} --to ${quote(join(to, "files"))}`,
  },
};

function client(store: string): string {
  return `CTXPACK_CACHE_DIR=${quote(store)} ${command(ctxpackCommand())}`;
}

function command(argv: readonly string[]): string {
  return argv.map(quote).join(" ");
}

function uriFile(home: string): string {
  return quote(join(home, "uri"));
}
