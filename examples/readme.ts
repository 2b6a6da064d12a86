// The README of an example: its first part runs in seconds and without a network; what comes after the heading "In full"
// is run where CTXPACK_EXAMPLES_FULL=1.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { comparable, runTranscript, transcript } from "./transcript.ts";

export const isFull: boolean = process.env["CTXPACK_EXAMPLES_FULL"] === "1";

interface ReadmeOptions {
  /** What of an output is compared; all but times, dates and keys unless said. */
  readonly masked?: (text: string) => string;
  /** Commands that come after those of the README. */
  readonly more?: readonly string[];
}

/** Runs one part in a copy of the example's folder and compares every line; returns what each command printed. */
export async function expectReadme(
  example: string,
  part: "tiny" | "full",
  { masked = comparable, more = [] }: ReadmeOptions = {},
): Promise<string[]> {
  const [tiny = "", full = ""] = readFileSync(join(example, "README.md"), "utf8").split(
    /^## In full$/m,
  );
  const steps = transcript(part === "tiny" ? tiny : full);
  expect(steps.length, `commands in ${example}/README.md`).toBeGreaterThan(2);
  const all = [...steps, ...more.map((command) => ({ command, printed: "" }))];
  const printed = await runTranscript(all, example, part === "full" ? network() : {});
  for (const [index, step] of steps.entries()) {
    expect(masked(printed[index] ?? ""), step.command).toBe(masked(step.printed));
  }
  return printed;
}

/** The machine's variables that say how its network is reached. */
function network(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /_proxy$|_CA_CERTS$|^SSL_CERT_/i.test(name)),
  );
}
