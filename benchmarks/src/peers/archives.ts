import { join } from "node:path";
import { quote } from "../programs.ts";
import { prototypeCommand } from "../prototype.ts";
import type { Peer } from "./peer.ts";

/** The first prototype's algorithm, stated again: `prototype.py`. */
export const prototype: Peer = {
  name: "Python prototype",
  programs: ["python3"],
  setup:
    "a copy of the folder, sha256 by reads of 8 KB, one tar.gz of level 9 and its sha256; uploads one after the other; `sync -f` at the end",
  hash: (folder) => python("hash", folder),
  at: (home) => ({
    dir: home,
    store: (folder, version) => {
      const into = join(home, version);
      return `mkdir ${quote(into)}; ${python("seed", folder, into)}; sync -f ${quote(into)}`;
    },
    restore: (to) => python("unpack", join(home, "first/files.tar.gz"), to),
  }),
  transfer: {
    wants: "registry",
    push: (home, { host, name }) => python("push", join(home, "first/files.tar.gz"), host, name),
    pull: ({ host, name }, to, home) =>
      python("pull", join(home, "first/files.tar.gz"), host, name, to),
  },
};

function python(...args: readonly string[]): string {
  return prototypeCommand(...args)
    .map(quote)
    .join(" ");
}

/** An archive for each version, as people do it by hand. */
export const archives: readonly Peer[] = [
  archive("`tar \\| zstd -1 -T2`, `openssl dgst`", "zst", {
    pack: "zstd -q -1 -T2",
    unpack: "zstd -q -d",
  }),
  archive("`tar \\| gzip -1`, `openssl dgst`", "gz", { pack: "gzip -1", unpack: "gzip -d" }),
];

function archive(
  name: string,
  ending: string,
  { pack, unpack }: { readonly pack: string; readonly unpack: string },
): Peer {
  const file = (home: string, version: string): string =>
    quote(join(home, `${version}.tar.${ending}`));
  const digest = "openssl dgst -sha256 -r";
  const check = (from: string, sum: string): string =>
    `[ "$(${digest} < ${from} | cut -c1-64)" = "$(cut -c1-64 ${sum})" ]`;
  const extract = (from: string, to: string): string =>
    `${unpack} < ${from} | tar -xf - -C ${quote(to)}`;
  return {
    name,
    programs: ["tar", pack.split(" ")[0] ?? "", "openssl", "curl"],
    setup: `${pack}; sha256 of the whole archive by openssl, while it is written and again before it is unpacked; \`sync\` of the file; moved by one \`curl\``,
    at: (home) => ({
      dir: home,
      store: (folder, version) => {
        const to = file(home, version);
        return `tar -cf - -C ${quote(folder)} . | ${pack} | tee ${to} | ${digest} > ${to}.sum; sync ${to}`;
      },
      restore: (to) => {
        const from = file(home, "first");
        return `${check(from, `${from}.sum`)}; ${extract(from, to)}`;
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
          `${check(here, sum)}; ${extract(here, to)}`
        );
      },
    },
  };
}
