// Loaded into a process with `--import`: notes in the file that CTXPACK_TEST_SYNCS names what is written, synced and
// renamed, one line of JSON each and in that order. A sync counts when it is done.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Call = (...args: unknown[]) => unknown;

const real = { ...fs };
const log = real.openSync(process.env["CTXPACK_TEST_SYNCS"] as string, "a");
const table = fs as unknown as Record<string, Call>;
const paths = new Map<unknown, string>();

function note(what: "write" | "sync" | "rename", path: string | undefined, to?: unknown): void {
  if (path !== undefined) real.writeSync(log, `${JSON.stringify({ what, path, to })}\n`);
}

function patch(name: string, make: (original: Call) => Call): void {
  table[name] = make(table[name] as Call);
}

patch("openSync", (original) => (...args) => {
  const fd = original(...args);
  paths.set(fd, String(args[0]));
  return fd;
});
for (const name of ["writeSync", "writevSync"]) {
  patch(name, (original) => (...args) => {
    note("write", paths.get(args[0]));
    return original(...args);
  });
}
patch("writeFileSync", (original) => (...args) => {
  note("write", String(args[0]));
  return original(...args);
});
for (const name of ["fsyncSync", "fdatasyncSync"]) {
  patch(name, (original) => (...args) => {
    original(...args);
    note("sync", paths.get(args[0]));
  });
}
for (const name of ["fsync", "fdatasync"]) {
  patch(name, (original) => (fd, done) => {
    const path = paths.get(fd);
    return original(fd, (error: unknown) => {
      if (error === null) note("sync", path);
      (done as Call)(error);
    });
  });
}
patch("renameSync", (original) => (...args) => {
  note("rename", String(args[0]), args[1]);
  return original(...args);
});

syncBuiltinESMExports();
