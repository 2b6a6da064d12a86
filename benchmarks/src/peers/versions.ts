import { join } from "node:path";
import { quote, runScript } from "../programs.ts";
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
      "md5 of each file, whole and not compressed; the folder is a copy beside the cache, made before the clock; `sync -f` at the end",
    at: (home) => {
      const data = quote(join(home, "data"));
      const within = `cd ${quote(home)}; export DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR=${quote(join(home, "site"))}`;
      const place = (folder: string): void =>
        void runScript(`mkdir -p ${data}; cp -r ${quote(folder)}/. ${data}`);
      return {
        dir: join(home, ".dvc/cache"),
        init: (folder) => {
          runScript(`${within}; dvc init -q --no-scm`);
          place(folder);
        },
        update: place,
        store: () => `${within}; dvc add -q data; sync -f .`,
        restore: (to) =>
          `${within}; cd ${quote(to)}; dvc init -q --no-scm; dvc cache dir ${quote(join(home, ".dvc/cache"))}; ` +
          `cp ${quote(join(home, "data.dvc"))} .; dvc checkout -q`,
      };
    },
    transfer: {
      wants: "folder",
      push: (home, { name }) =>
        `cd ${quote(home)}; export DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR=${quote(join(home, "site"))}; dvc remote add -q -f -d there ${quote(name)}; dvc push -q`,
      pull: ({ name }, to, home) =>
        `cd ${quote(to)}; export DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR=${quote(`${to}-site`)}; dvc init -q --no-scm; ` +
        `dvc remote add -q -d there ${quote(name)}; cp ${quote(join(home, "data.dvc"))} .; dvc pull -q`,
    },
  },
];

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
