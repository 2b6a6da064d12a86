import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative, resolve } from "node:path";

/** What a command may see and use. */
export interface SandboxOptions {
  /** The folder that it may write to; it is `/workspace` to the command. None: it may write nowhere. */
  readonly workspace: string | undefined;
  /** An empty folder, over which the command's root is mounted. */
  readonly mountPoint: string;
  /**
   * Files and folders that it may read beside the system's programs. To the command each is `/tool/<n>/<name>`: a place
   * that no other mount hides.
   */
  readonly readable: readonly string[];
  /** Of each file that it writes, in bytes. */
  readonly maxFile: number;
}

/**
 * The command line that runs `argv` where it sees the system's programs read-only, the workspace, an empty `/tmp` of 64
 * MiB and nothing else: no network, no other process, no file of a user, no way to become another user. It needs
 * util-linux on Linux and no privileges: namespaces are the kernel's. When its first process dies, all of them do.
 *
 * Words of `argv` that name something readable become its place inside. {@link STARTED} on file descriptor 3, which has
 * to be open, says that the program is there and is executed; without it nothing was.
 */
export function sandboxed(argv: readonly string[], options: SandboxOptions): readonly string[] {
  const limit = `--fsize=${options.maxFile}`;
  return [
    "unshare",
    ...NAMESPACES,
    "sh",
    "-c",
    SCRIPT,
    "sh",
    options.mountPoint,
    options.workspace ?? "",
    String(options.readable.length),
    ...options.readable.flatMap((path, n) => [path, placeOf(path, n)]),
    "prlimit",
    limit,
    "--core=0",
    "--",
    "setpriv",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--no-new-privs",
    "--",
    "/bin/sh",
    "-c",
    START,
    "sh",
    ...argv.map((word) => insideWord(word, options.readable)),
  ];
}

/** What a sandbox writes to file descriptor 3 when it hands over to the command. */
export const STARTED = "started";

function placeOf(path: string, n: number): string {
  // An extension says to some interpreters what a file is.
  return join("/tool", String(n), basename(resolve(path)));
}

function insideWord(word: string, readable: readonly string[]): string {
  if (!word.startsWith("/")) return word;
  for (const [n, path] of readable.entries()) {
    const rest = relative(resolve(path), word);
    if (rest !== ".." && !rest.startsWith("../")) return join(placeOf(path, n), rest);
  }
  return word;
}

let obstacle: string | undefined;
let isProbed = false;

/** Why no command can be confined on this machine; undefined when it can. Looked into once. */
export function sandboxObstacle(): string | undefined {
  if (!isProbed) obstacle = probe();
  isProbed = true;
  return obstacle;
}

function probe(): string | undefined {
  if (process.platform !== "linux") return "commands can be confined on Linux only";
  const mountPoint = mkdtempSync(join(tmpdir(), "ctxpack-probe-"));
  const none = { workspace: undefined, readable: [], mountPoint, maxFile: 0 };
  const [file = "", ...args] = sandboxed(["true"], none);
  const { status, error, stderr } = spawnSync(file, args, {
    timeout: 10_000,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  rmSync(mountPoint, { recursive: true });
  if (status === 0) return undefined;
  const why = error?.message ?? stderr.trim().split("\n")[0] ?? "";
  return `commands cannot be confined here: ${why || `unshare ended with ${status}`}`;
}

const NAMESPACES = [
  "--user",
  "--map-root-user",
  "--mount",
  "--net",
  "--pid",
  "--ipc",
  "--uts",
  "--fork",
  "--kill-child",
  "--propagation=private",
];

/**
 * Arguments: the mount point, the workspace or nothing, how many readable paths, each with its place, the command. All
 * is mounted below the mount point; then that becomes the root, and the old one is gone. What root may set under
 * /proc/sys it may set from within namespaces as well, so it is read-only.
 */
const SCRIPT = `set -eu
umask 022
root=$1; workspace=$2; count=$3; shift 3
mount -t tmpfs -o mode=755,size=1m ctxpack "$root"
bind() {
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")"; : > "$root$2"; fi
  mount --bind "$1" "$root$2"
  mount -o remount,bind,ro,nosuid,nodev "$root$2" 2>/dev/null || mount -o remount,bind,ro "$root$2"
}
for dir in usr bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$dir" ]; then ln -s "$(readlink "/$dir")" "$root/$dir"
  elif [ -d "/$dir" ]; then bind "/$dir" "/$dir"; fi
done
for file in /etc/ld.so.cache /etc/alternatives /etc/ssl/certs; do [ -e "$file" ] && bind "$file" "$file"; done
mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/workspace" "$root/.old"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root/proc"
mount -t tmpfs -o mode=1777,size=64m ctxpack "$root/tmp"
while [ "$count" -gt 0 ]; do bind "$1" "$2"; shift 2; count=$((count - 1)); done
for device in null zero full random urandom; do
  : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
done
[ -z "$workspace" ] || mount --bind "$workspace" "$root/workspace"
cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
mount -o remount,bind,ro /
cd /workspace
unset OLDPWD
exec "$@"
`;

/**
 * Arguments: the command. Runs as the command does, without privileges: looks whether there is a program to execute and,
 * for a script, its interpreter; says so; and becomes it.
 */
const START = `set -euf
path=$PATH
PATH=/usr/bin:/bin
fail() { echo "$1" >&2; exit 127; }
in_path() {
  IFS=:
  for dir in $path; do [ -f "\${dir:-.}/$1" ] && [ -x "\${dir:-.}/$1" ] && found=\${dir:-.}/$1 && return; done
  fail "$1: no such program"
}
interpreter() {
  IFS=' 	'
  set -- \${1#"#!"}
  [ -f "\${1-}" ] && [ -x "$1" ] || fail "\${1-}: no such interpreter"
  case $1 in */env) ;; *) return 0 ;; esac
  [ "\${2-}" != -S ] || shift
  case \${2--} in -*|*=*|*/*) ;; *) in_path "$2" ;; esac
}
case $1 in
  */*) found=$1; [ -f "$1" ] || fail "$1: no such program"; [ -x "$1" ] || fail "$1: not executable" ;;
  *) in_path "$1" ;;
esac
if [ "$(head -c 2 "$found" 2>/dev/null | tr -d '\\0')" = '#!' ]; then
  interpreter "$(head -c 256 "$found" | head -n 1)"
fi
echo ${STARTED} >&3
PATH=$path
unset IFS
exec "$@" 3>&-
`;
