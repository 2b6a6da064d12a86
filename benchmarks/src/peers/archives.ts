import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quote } from "../programs.ts";
import type { Peer } from "./peer.ts";

const PROTOTYPE = quote(fileURLToPath(new URL("../prototype.py", import.meta.url)));

/** The first prototype's algorithm, stated again: `prototype.py`. */
export const prototype: Peer = {
  name: "Python prototype",
  programs: ["python3"],
  setup:
    "a copy of the folder, sha256 by reads of 8 KB, one tar.gz of level 9 and its sha256; uploads one after the other; `sync -f` at the end",
  hash: (folder) => `python3 ${PROTOTYPE} hash ${quote(folder)}`,
  at: (home) => ({
    dir: home,
    store: (folder, version) => {
      const into = quote(join(home, version));
      return `mkdir ${into}; python3 ${PROTOTYPE} seed ${quote(folder)} ${into}; sync -f ${into}`;
    },
    restore: (to) =>
      `python3 ${PROTOTYPE} unpack ${quote(join(home, "first/files.tar.gz"))} ${quote(to)}`,
  }),
  transfer: {
    wants: "registry",
    push: (home, { host, name }) =>
      `python3 ${PROTOTYPE} push ${quote(join(home, "first/files.tar.gz"))} ${host} ${name}`,
    pull: ({ host, name }, to, home) => {
      const file = quote(join(home, "first/files.tar.gz"));
      return `python3 ${PROTOTYPE} pull ${file} ${host} ${name} ${quote(to)}`;
    },
  },
};

/** An archive for each version, as people do it by hand. */
export const archives: readonly Peer[] = [
  archive("`tar \\| zstd -3 -T2`, `sha256sum`", "zst", {
    pack: "zstd -q -3 -T2",
    unpack: "zstd -q -d",
  }),
  archive("`tar \\| gzip -6`, `sha256sum`", "gz", { pack: "gzip -6", unpack: "gzip -d" }),
];

function archive(
  name: string,
  ending: string,
  { pack, unpack }: { readonly pack: string; readonly unpack: string },
): Peer {
  const file = (home: string, version: string): string =>
    quote(join(home, `${version}.tar.${ending}`));
  const extract = (from: string, to: string): string =>
    `${unpack} < ${from} | tar -xf - -C ${quote(to)}`;
  return {
    name,
    programs: ["tar", pack.split(" ")[0] ?? "", "curl"],
    setup: `${pack}; sha256 of the whole archive, checked before it is unpacked; \`sync\` of the file; moved by one \`curl\``,
    at: (home) => ({
      dir: home,
      store: (folder, version) => {
        const to = file(home, version);
        return `tar -cf - -C ${quote(folder)} . | ${pack} > ${to}; sync ${to}; sha256sum < ${to} > ${to}.sum`;
      },
      restore: (to) => {
        const from = file(home, "first");
        return `sha256sum -c --quiet ${from}.sum < ${from}; ${extract(from, to)}`;
      },
    }),
    transfer: {
      wants: "registry",
      push: (home, { host, name: repository }) => {
        const from = file(home, "first");
        return (
          `to=$(curl -sfi -X POST http://${host}/v2/${repository}/blobs/uploads/ | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p'); ` +
          `curl -sf -T ${from} -H 'Content-Type: application/octet-stream' "$to&digest=sha256:$(cut -c1-64 ${from}.sum)"`
        );
      },
      pull: ({ host, name: repository }, to, home) => {
        const sum = `${file(home, "first")}.sum`;
        const here = quote(`${to}.tar`);
        return (
          `curl -sf -o ${here} "http://${host}/v2/${repository}/blobs/sha256:$(cut -c1-64 ${sum})"; ` +
          `sha256sum -c --quiet ${sum} < ${here}; ${extract(here, to)}`
        );
      },
    },
  };
}
