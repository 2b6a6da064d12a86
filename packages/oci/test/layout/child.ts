import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A real process that runs one of the jobs of `job.ts` with these arguments. */
export class Child {
  readonly process: ChildProcess;
  output = "";
  readonly #exit: Promise<unknown[]>;

  constructor(job: string, ...parameters: readonly string[]) {
    const script = fileURLToPath(new URL("job.ts", import.meta.url));
    this.process = spawn(
      process.execPath,
      ["--conditions=@ctxpack/source", script, job, ...parameters],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    this.#exit = once(this.process, "exit");
    // Also when the test failed before it came to that.
    onTestFinished(() => void this.process.kill("SIGKILL"));
    this.process.stdout?.on("data", (data) => {
      this.output += data;
    });
  }

  /** Waits until the child has printed this. */
  async says(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.process.exitCode !== null) throw new Error(`child ended, said: ${this.output}`);
      await Promise.race([once(this.process.stdout as NodeJS.ReadableStream, "data"), this.#exit]);
    }
  }

  /** The exit code, or the signal that ended it. */
  async ends(): Promise<number | string> {
    const [code, signal] = await this.#exit;
    return (code as number | null) ?? (signal as string);
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.#exit;
  }
}
