import { join } from "node:path";
import { findProgram, quote, runScript, shell } from "./programs.ts";
import type { Bench } from "./question.ts";

/** A backup program with one repository in a folder of its own. */
interface Repository {
  /** Where the data lie. */
  readonly dir: string;
  /** Makes the empty repository. Throws an Error with the program's stderr. */
  init(): void;
  /** The command that stores a folder; `name` tells backups of one repository apart. */
  backup(folder: string, name: string): readonly string[];
  /** The command that puts the folder back into one that is empty; `name` as it was stored. */
  restore(name: string, to: string): readonly string[];
}

/** A program that stores folders in pieces cut by content, as we do. */
export interface BackupProgram {
  readonly name: string;
  /** The repository that lies, or will lie, in `home`, with everything else the program writes. */
  repository(home: string): Repository;
}

/** The backup programs that this machine has; absent ones are noted. */
export function backupPrograms(bench: Bench): BackupProgram[] {
  return [restic, borg].filter(({ program }) => {
    const isThere = findProgram(program) !== undefined;
    if (!isThere) bench.note(`absent: ${program}; its row is left out`);
    return isThere;
  });
}

/** Needs `restic` on PATH. */
export const restic: BackupProgram & { readonly program: string } = {
  program: "restic",
  name: "`restic backup`",
  repository(home) {
    const dir = join(home, "repository");
    const command = `RESTIC_PASSWORD=benchmark restic -q --cache-dir ${quote(join(home, "cache"))} -r ${quote(dir)}`;
    return {
      dir,
      init: () => runScript(`mkdir -p ${quote(home)}; ${command} init`),
      backup: (folder) =>
        shell(`cd ${quote(folder)}; ${command} backup --compression auto --host benchmark .`),
      restore: (_name, to) => shell(`${command} restore latest --target ${quote(to)}`),
    };
  },
};

export const borg: BackupProgram & { readonly program: string } = {
  program: "borg",
  name: "`borg create -C zstd,1`",
  repository(home) {
    const dir = join(home, "repository");
    const own = ["CACHE", "CONFIG", "SECURITY"].map(
      (kind) => `BORG_${kind}_DIR=${quote(join(home, kind.toLowerCase()))}`,
    );
    const command = `${own.join(" ")} BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes borg`;
    return {
      dir,
      init: () => runScript(`mkdir -p ${quote(home)}; ${command} init -e none ${quote(dir)}`),
      backup: (folder, name) =>
        shell(`cd ${quote(folder)}; ${command} create -C zstd,1 ${quote(`${dir}::${name}`)} .`),
      restore: (name, to) =>
        shell(`cd ${quote(to)}; ${command} extract ${quote(`${dir}::${name}`)}`),
    };
  },
};
