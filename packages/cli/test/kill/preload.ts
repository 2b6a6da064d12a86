// Loaded into a real `ctxpack` process with `--import`: counts the file system calls it makes outside of
// its own code, and kills it (SIGKILL, no goodbye) at the one that CTXPACK_TEST_KILL_AT names. A write may
// be torn: half its bytes reach the file first. What was going on is left in CTXPACK_TEST_KILL_LOG.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Call = (...args: unknown[]) => unknown;

const killAt = Number(process.env["CTXPACK_TEST_KILL_AT"] ?? Number.POSITIVE_INFINITY);
const log = process.env["CTXPACK_TEST_KILL_LOG"] as string;
const source = process.env["CTXPACK_TEST_KILL_SOURCE"] as string;
const roots = (process.env["CTXPACK_TEST_KILL_ROOTS"] ?? "").split(":");

const real = { ...fs };
const realHandle: Record<string, Call> = {};
const files = new Map<number, { path: string; phase?: string }>();
let count = 0;

function watched(path: string): boolean {
  return roots.some((root) => path.startsWith(root));
}

/** The phase a call belongs to, by what it does to which file. */
function phaseOf(
  name: string,
  path: string,
  fd: number | undefined,
  data: unknown,
): string | undefined {
  if (path.startsWith(source)) return name.startsWith("read") ? "hash" : undefined;
  if (!watched(path)) return undefined;
  if (path.includes("index.json")) return "layout index";
  const file = fd === undefined ? undefined : files.get(fd);
  if (data instanceof Uint8Array) {
    const start = Buffer.from(data.buffer, data.byteOffset, Math.min(data.byteLength, 24)).toString(
      "latin1",
    );
    if (file && start.startsWith('{"annotations":{"dev.ctx')) file.phase = "manifest";
  }
  if (name.startsWith("rename")) return "rename";
  if (name.startsWith("read") || name.startsWith("close")) return undefined;
  return file?.phase ?? "blob write";
}

/** Counts one call; at the chosen one, tears a write if it is one and kills the process. */
function instant(name: string, path: string, fd: number | undefined, data?: unknown): void {
  const phase = phaseOf(name, path, fd, data);
  if (phase === undefined) return;
  count++;
  if (count !== killAt) {
    if (killAt === Number.POSITIVE_INFINITY) real.appendFileSync(log, `${phase}\n`);
    return;
  }
  if (fd !== undefined && data instanceof Uint8Array) {
    real.writeSync(fd, data, 0, Math.floor(data.byteLength / 2));
  }
  real.writeFileSync(log, JSON.stringify({ phase, name, path }));
  process.kill(process.pid, "SIGKILL");
}

const pathCalls = [
  "rename",
  "open",
  "mkdir",
  "unlink",
  "rm",
  "link",
  "copyFile",
  "chmod",
  "symlink",
];
const fdCalls = ["write", "writev", "fsync", "fdatasync", "ftruncate", "read"];
const table = fs as unknown as Record<string, Call>;

for (const name of pathCalls) {
  for (const suffix of ["", "Sync"]) {
    const original = table[name + suffix] as Call;
    table[name + suffix] = (...args) => {
      // A rename counts by where it leads.
      const path = String(name === "rename" || name === "link" ? args[1] : args[0]);
      const writing =
        name !== "open" || (args[1] !== undefined && args[1] !== "r" && args[1] !== 0);
      if (writing) instant(name, path, undefined);
      const done = original(...args);
      if (name === "open" && suffix === "Sync") files.set(done as number, { path });
      return done;
    };
  }
}
for (const name of fdCalls) {
  for (const suffix of ["", "Sync"]) {
    const original = table[name + suffix] as Call;
    table[name + suffix] = (...args) => {
      const fd = args[0] as number;
      const file = files.get(fd);
      if (file) instant(name, file.path, fd, name.startsWith("write") ? args[1] : undefined);
      return original(...args);
    };
  }
}
const promises = fs.promises as unknown as Record<string, Call>;
for (const name of [...pathCalls, "writeFile"]) {
  const original = promises[name] as Call;
  promises[name] = async (...args) => {
    const path = String(name === "rename" || name === "link" ? args[1] : args[0]);
    const writing = name !== "open" || (args[1] !== undefined && args[1] !== "r");
    if (writing) instant(name, path, undefined, undefined);
    const done = await original(...args);
    if (name === "open") patchHandle(done as fs.promises.FileHandle, path);
    return done;
  };
}

function patchHandle(handle: fs.promises.FileHandle, path: string): void {
  files.set(handle.fd, { path });
  const prototype = Object.getPrototypeOf(handle) as Record<string, Call>;
  for (const name of ["write", "writev", "writeFile", "sync", "datasync", "read"]) {
    if (realHandle[name]) continue;
    const original = prototype[name] as Call;
    realHandle[name] = original;
    prototype[name] = function (this: fs.promises.FileHandle, ...args: unknown[]) {
      const file = files.get(this.fd);
      const data = name === "write" || name === "writeFile" ? args[0] : undefined;
      if (file) instant(name, file.path, this.fd, data);
      return original.apply(this, args);
    };
  }
}

syncBuiltinESMExports();
