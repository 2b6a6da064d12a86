import { join } from "node:path";
import { type BackupProgram, borg, restic } from "../backup.ts";
import { quote, runScript } from "../programs.ts";
import type { Peer } from "./peer.ts";

const RESTIC = "RESTIC_PASSWORD=benchmark RESTIC_FROM_PASSWORD=benchmark restic -q --no-cache";

/** Programs that cut by content. */
export const backups: readonly Peer[] = [
  {
    ...backup(
      restic,
      "pieces of about 1 MiB in packs of 16 MiB, zstd, encrypted; it syncs its packs",
    ),
    transfer: {
      wants: "folder",
      prepare: (_home, { name }) => runScript(`${RESTIC} -r ${quote(name)} init`),
      push: (home, { name }) =>
        `${RESTIC} copy --from-repo ${quote(restic.repository(home).dir)} -r ${quote(name)}`,
      pull: ({ name }, to) => `${RESTIC} -r ${quote(name)} restore latest --target ${quote(to)}`,
    },
  },
  backup(
    borg,
    "pieces of about 2 MiB in segments of 500 MB, zstd,1, not encrypted; it syncs its segments",
  ),
  {
    name: "`casync`",
    programs: ["casync"],
    setup: "pieces of about 64 KiB, a file each, zstd; `sync -f` at the end",
    hash: (folder) => `casync digest ${quote(folder)}`,
    at: (home) => ({
      dir: home,
      store: (folder, version) =>
        `casync make --store=${quote(join(home, "chunks.castr"))} ${quote(join(home, `${version}.caidx`))} ${quote(folder)}; sync -f ${quote(home)}`,
      restore: (to) =>
        `casync extract --store=${quote(join(home, "chunks.castr"))} ${quote(join(home, "first.caidx"))} ${quote(join(to, "files"))}`,
    }),
  },
];

function backup(program: BackupProgram & { readonly program: string }, setup: string): Peer {
  return {
    name: program.name,
    programs: [program.program],
    setup,
    at: (home) => {
      const repository = program.repository(home);
      return {
        dir: repository.dir,
        init: () => repository.init(),
        // They are scripts for bash already.
        store: (folder, version) => script(repository.backup(folder, version)),
        restore: (to) => script(repository.restore("first", to)),
      };
    },
  };
}

function script(argv: readonly string[]): string {
  return argv.at(-1) ?? "";
}
