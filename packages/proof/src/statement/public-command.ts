import { findSecrets } from "@ctxpack/identity";

/**
 * A command line as it may be published: without absolute paths, which name users and machines (of the program its
 * base name stays), and without arguments that look like secrets.
 */
export function publicCommand(command: readonly string[]): readonly string[] {
  const scanned = { schema: "ctxpack.contract/v1", inputs: [], transforms: [], command } as const;
  const secret = new Set(findSecrets(scanned).map(({ pointer }) => pointer));
  return command.map((argument, index) => {
    if (secret.has(`/command/${index}`)) return "[redacted]";
    return argument.replaceAll(absolutePath, (path) =>
      index === 0 ? `…/${/[^\\/]*$/.exec(path)?.[0]}` : "…",
    );
  });
}

/**
 * `/a/b`, `~/b`, `C:\b`, `file:///b`, where no relative path goes on, also behind `-I`. Not the slashes of other
 * URLs, and not what follows a placeholder.
 */
const absolutePath =
  /(?:(?<=^-[A-Za-z])|(?<![\w./\\}~-]))(?!(?<=:)\/\/)(?:file:\/\/)?(?:~[\w.-]*[\\/]|[A-Za-z]:[\\/]|[\\/]{1,2})[^\s'"=,;:]*/g;
