import { failureOf } from "./exit.ts";

/** Sets up what can go wrong outside of any command: an error nobody awaited. */
export function guardProcess(): void {
  if (!process.listeners("uncaughtException").includes(endWithBug)) {
    process.on("uncaughtException", endWithBug);
  }
}

/** Whether a write failed because who read our output has stopped (`| head`). */
export function isClosedPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "EPIPE";
}

/** Node.js would exit with 1, which means something else here. */
function endWithBug(error: unknown): void {
  const { message, hint, exitCode } = failureOf(error);
  console.error(`error: ${message}`);
  if (hint) console.error(`hint: ${hint}`);
  if (process.argv.includes("--verbose")) console.error(error);
  process.exit(exitCode);
}
