import { expect, test } from "vitest";
import { COMMANDS } from "../src/commands.ts";
import { GLOBAL_FLAGS } from "../src/flags.ts";
import { commandHelp, mainHelp } from "../src/help.ts";

test("the main help opens with the main job and lists every command", () => {
  const help = mainHelp();
  expect(help.split("\n")[2]).toMatch(/^ {2}ctxpack init/);
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    expect(help).toMatch(new RegExp(`^ {2}${name} +${summary.replace(/[.?*+]/g, "\\$&")}$`, "m"));
  }
});

test.for(Object.entries(COMMANDS))(
  "%s: its help opens with an example of itself",
  async ([name, entry]) => {
    const command = await entry.load();
    const help = commandHelp(command);
    expect(help.startsWith(`  ctxpack ${name}`)).toBe(true);
    expect(help).toContain(`usage: ctxpack ${name}`);
    for (const flag of Object.keys(command.flags)) {
      expect(help).toContain(`--${flag}`);
      expect(Object.keys(GLOBAL_FLAGS)).not.toContain(flag);
    }
    expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
  },
);
