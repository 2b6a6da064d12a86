import { join } from "node:path";
import { ctxpackCommand, quote, runScript } from "../programs.ts";
import { ours } from "./ours.ts";
import type { Peer } from "./peer.ts";

/** Clients of registries. */
export const registries: readonly Peer[] = [
  {
    name: "`oras`",
    programs: ["oras"],
    setup: "the folder as one tar.gz layer; checked when it is read; `sync -f` at the end",
    at: (home) => ({
      dir: join(home, "layout"),
      store: (folder, version) =>
        `mkdir -p ${quote(home)}; cd ${quote(folder)}; oras push --no-tty --oci-layout ${quote(join(home, "layout"))}:${version} . > /dev/null; sync -f ${quote(home)}`,
      restore: (to) =>
        `cd ${quote(to)}; oras pull --no-tty --oci-layout ${quote(join(home, "layout"))}:first -o ${quote(join(to, "files"))}`,
    }),
    transfer: {
      wants: "registry",
      push: (home, { host, name }) =>
        `oras cp --no-tty --from-oci-layout ${quote(join(home, "layout"))}:first --to-plain-http ${host}/${name}:first`,
      pull: ({ host, name }, to) =>
        `oras pull --no-tty --plain-http ${host}/${name}:first -o ${quote(join(to, "files"))}`,
    },
  },
  {
    name: "`skopeo copy` of the pack",
    programs: ["skopeo"],
    of: ours.name,
    setup:
      "moves the pack that `ctxpack` keeps, as an image layout, byte for byte; nothing is unpacked",
    transfer: {
      wants: "registry",
      prepare: (home) =>
        void runScript(
          `CTXPACK_CACHE_DIR=${quote(join(home, "store"))} ${ctxpackCommand().map(quote).join(" ")} ` +
            `push "$(cat ${quote(join(home, "uri"))})" --to ${quote(`oci:${join(home, "layout")}`)}`,
        ),
      push: (home, { host, name }) =>
        `skopeo copy -q --preserve-digests --dest-tls-verify=false ${quote(`oci:${join(home, "layout")}`)} docker://${host}/${name}:pack`,
    },
  },
];
