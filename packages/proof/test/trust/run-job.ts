import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Sigstore } from "@ctxpack/test-tools";
import { trustFolder } from "./places.ts";

const JOB = fileURLToPath(new URL("job.ts", import.meta.url));

export interface JobResult {
  readonly digest?: string;
  readonly code?: string;
  readonly counted: readonly string[];
}

/** Runs `job.ts` as a process; `program` is put before it. */
export async function runJob(
  { urls, tufRoot }: Pick<Sigstore, "urls" | "tufRoot">,
  directory: string,
  flags: readonly string[] = [],
  program: readonly string[] = [],
): Promise<JobResult & { readonly ms: number }> {
  const rootFile = join(trustFolder(), "root.json");
  writeFileSync(rootFile, tufRoot);
  const node = [process.execPath, "--conditions=@ctxpack/source", JOB];
  const [first = "", ...args] = [...program, ...node, directory, urls.tuf, rootFile];
  const start = performance.now();
  const child = spawn(first, [...args, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`job: exit ${code}\n${output}`);
  return { ...(JSON.parse(output) as JobResult), ms: performance.now() - start };
}
