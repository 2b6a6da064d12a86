// A home of somebody who has our commands, and an empty folder to work in.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./document.ts";

/** Makes `home`, with `bin` for its PATH and the folder `work`. Needs a build. */
export function makeHome(home: string): void {
  mkdirSync(join(home, "work"), { recursive: true });
  mkdirSync(join(home, "bin"));
  symlinkSync(process.execPath, join(home, "bin/node"));
  for (const name of ["ctxpack", "ctx"]) {
    const program = join(root, `packages/cli/bin/${name}.cjs`);
    writeFileSync(
      join(home, "bin", name),
      `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
      { mode: 0o755 },
    );
  }
}

/** The whole environment of a shell there. */
export function environmentOf(home: string): NodeJS.ProcessEnv {
  return {
    PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
    HOME: home,
    LANG: "C.UTF-8",
    LC_ALL: "C",
  };
}
