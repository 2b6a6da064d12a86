import type { Finding } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { EXIT_CODES } from "../exit.ts";

const MARKS = { ok: "ok      ", warning: "warning ", problem: "PROBLEM " } as const;

export const doctor: Command = defineCommand({
  usage: "doctor",
  example: ["ctxpack doctor"],
  about:
    "Looks at this machine, the configuration, the store and each pantry, and says what to do about what is wrong.\n" +
    "In a registry an upload is begun and cancelled. Ends with the code of the worst problem.",
  takes: [0, 0],
  flags: {},
  async run({ output, open, signal }) {
    const ctx = await open();
    const findings = await ctx.doctor({ signal });
    const text = output.options.plain ? findings.map(plain) : lines(findings);
    output.result(text.join("\n"), { findings });
    const codes = findings.map(({ code }) => (code === undefined ? 0 : EXIT_CODES[code]));
    return Math.max(0, ...codes);
  },
});

/** A heading for each subject, and below it what was found. */
function lines(findings: readonly Finding[]): string[] {
  const text: string[] = [];
  let heading = "";
  for (const { area, subject, state, message, hint } of findings) {
    const next = subject === undefined ? area : `${area} ${subject}`;
    if (next !== heading) text.push(...(heading === "" ? [] : [""]), next);
    heading = next;
    text.push(`  ${MARKS[state]}${message}`);
    if (hint !== undefined && state !== "ok") text.push(`          ${hint}`);
  }
  return text;
}

function plain({ area, subject, state, message, hint }: Finding): string {
  return [state, area, subject ?? "", message, hint ?? ""].join("\t");
}
