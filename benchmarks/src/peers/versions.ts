import { join } from "node:path";
import { ownProgram, quote, runScript } from "../programs.ts";
import type { Peer } from "./peer.ts";

const NOBODY = "-c user.name=benchmark -c user.email=benchmark@localhost -c gc.auto=0";

/** Programs that keep versions of a working folder. */
export const versions: readonly Peer[] = [
  git(
    "`git`",
    false,
    "sha1 of each file, zlib -1 by its own default, no deltas before it packs; `sync -f` at the end",
  ),
  git(
    "`git-lfs`",
    true,
    "sha256 of each file, whole and not compressed, as an LFS object; what it sends to a folder of the same disk are hard links; `sync -f` at the end",
  ),
  {
    name: "`dvc`",
    programs: ["dvc"],
    setup:
      "md5 of each file, whole and not compressed; the folder is a copy beside the cache, made before the clock and edited in place; `sync -f` at the end",
    at: (home) => {
      const data = join(home, "data");
      const site = join(home, "site");
      return {
        dir: join(home, ".dvc/cache"),
        init: (folder) => {
          runScript(dvc(home, site, "init -q --no-scm"));
          runScript(`mkdir ${quote(data)}; cp -a ${quote(folder)}/. ${quote(data)}`);
        },
        update: (edit) => {
          // What it remembers of files goes by the place of the whole project, and this is a copy of it.
          runScript(dvc(home, site, "add -q data"));
          edit(data);
        },
        store: () => `${dvc(home, site, "add -q data")}; sync -f .`,
        restore: (to) => dvc(to, site, "checkout -q"),
        prepareRestore: (to) => {
          runScript(dvc(to, site, "init -q --no-scm"));
          runScript(dvc(to, site, `cache dir ${quote(join(home, ".dvc/cache"))}`));
          runScript(`cp ${quote(join(home, "data.dvc"))} ${quote(to)}`);
        },
      };
    },
    transfer: {
      wants: "folder",
      prepare: (home, { name }) =>
        void runScript(dvc(home, join(home, "site"), `remote add -q -f -d there ${quote(name)}`)),
      push: (home, { name }) =>
        `${dvc(home, join(home, "site"), "push -q")}; sync -f ${quote(name)}`,
      pull: (_remote, to) => dvc(to, `${to}-site`, "pull -q"),
      preparePull: ({ name }, to, home) => {
        runScript(dvc(to, `${to}-site`, "init -q --no-scm"));
        runScript(dvc(to, `${to}-site`, `remote add -q -d there ${quote(name)}`));
        runScript(`cp ${quote(join(home, "data.dvc"))} ${quote(to)}`);
      },
    },
  },
];

/** A command of dvc in a project; `site` is where it remembers files. */
function dvc(project: string, site: string, command: string): string {
  return (
    `cd ${quote(project)}; export DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR=${quote(site)}; ` +
    `${quote(ownProgram("dvc"))} ${command}`
  );
}

function git(name: string, isLfs: boolean, setup: string): Peer {
  const at = (home: string): string => join(home, "repository");
  return {
    name,
    programs: isLfs ? ["git", "git-lfs"] : ["git"],
    setup,
    at: (home) => {
      const command = `GIT_DIR=${quote(at(home))} git ${NOBODY}`;
      return {
        dir: at(home),
        init: () => {
          runScript(
            `mkdir -p ${quote(home)}; git init -q --bare ${quote(at(home))}; ${command} config core.bare false`,
          );
          if (isLfs) useLfs(at(home), command);
        },
        store: (folder, version) =>
          `export GIT_WORK_TREE=${quote(folder)}; cd ${quote(folder)}; ${command} add -A .; ${command} commit -q -m ${version}; ${command} tag ${version}; sync -f ${quote(at(home))}`,
        restore: (to) =>
          `export GIT_WORK_TREE=${quote(to)} GIT_INDEX_FILE=${quote(`${to}.index`)}; cd ${quote(to)}; ${command} read-tree first; ${command} checkout-index -a -f`,
      };
    },
    transfer: {
      wants: "folder",
      prepare: (_home, { name: to }) => void runScript(`git init -q --bare ${quote(to)}`),
      push: (home, { name: to }) =>
        `cd /; GIT_DIR=${quote(at(home))} GIT_WORK_TREE=/ git ${NOBODY} ${isLfs ? `lfs push ${quote(`file://${to}`)} first > /dev/null; GIT_DIR=${quote(at(home))} git ` : ""}push -q ${quote(`file://${to}`)} first:refs/heads/main; sync -f ${quote(to)}`,
      ...(!isLfs && {
        pull: ({ name: from }, to) =>
          `git clone -q -b main ${quote(`file://${from}`)} ${quote(join(to, "files"))}; rm -rf ${quote(join(to, "files/.git"))}`,
      }),
    },
  };
}

/** What `git lfs install` writes into the user's own configuration, in that of one repository. */
function useLfs(repository: string, command: string): void {
  const settings = {
    clean: "git-lfs clean -- %f",
    smudge: "git-lfs smudge -- %f",
    process: "git-lfs filter-process",
    required: "true",
  };
  for (const [key, value] of Object.entries(settings))
    runScript(`${command} config filter.lfs.${key} ${quote(value)}`);
  const file = quote(join(repository, "info/attributes"));
  runScript(`echo '* filter=lfs diff=lfs merge=lfs -text' > ${file}`);
}
