import { expect, test } from "vitest";
import { CommandError } from "../src/exit.ts";
import { type FlagTable, parseDuration, parseFlags } from "../src/flags.ts";

const table = {
  to: { type: "string", value: "DIR", about: "" },
  only: { type: "string", multiple: true, about: "" },
  pin: { type: "boolean", short: "p", about: "" },
} as const satisfies FlagTable;

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    expect(error.code).toBe("CTXPACK_E_USAGE");
    return `${error.message} (${error.hint})`;
  }
  throw new Error("nothing was refused");
}

test("flags and arguments may be mixed, and -- ends the flags", () => {
  const { flags, args } = parseFlags(
    ["a", "--to", "x", "-p", "--only=1", "b", "--only", "2", "--", "--pin"],
    table,
  );
  expect(flags).toEqual({ to: "x", pin: true, only: ["1", "2"] });
  expect(args).toEqual(["a", "b", "--pin"]);
});

test("what cannot be meant is refused with what to write instead", () => {
  expect(refusal(() => parseFlags(["--onyl", "x"], table))).toBe(
    "unknown flag --onyl (did you mean --only?)",
  );
  expect(refusal(() => parseFlags(["--zzzzzz"], table))).toBe(
    "unknown flag --zzzzzz (--help lists the flags)",
  );
  expect(refusal(() => parseFlags(["-x"], table))).toBe("unknown flag -x (--help lists the flags)");
  expect(refusal(() => parseFlags(["--to"], table))).toBe("--to needs a value (write --to=DIR)");
  expect(refusal(() => parseFlags(["--to", "--pin"], table))).toBe(
    "--to needs a value (write --to=DIR)",
  );
  expect(refusal(() => parseFlags(["--pin=yes"], table))).toBe("--pin takes no value (undefined)");
  expect(refusal(() => parseFlags(["--constructor"], table))).toMatch(/^unknown flag/);
});

test("a value that starts with a dash is written with =", () => {
  expect(parseFlags(["--to=-x"], table).flags.to).toBe("-x");
  expect(parseFlags(["--to", "-"], table).flags.to).toBe("-");
});

test("durations have units, a floor and a ceiling", () => {
  expect(parseDuration("30")).toBe(30_000);
  expect(parseDuration("30s")).toBe(30_000);
  expect(parseDuration("1.5m")).toBe(90_000);
  expect(parseDuration("2h")).toBe(7_200_000);
  expect(parseDuration("500ms")).toBe(500);
  for (const bad of ["", "0", "-1", "1d", "s", "1e3", "25000h", " 1s"]) {
    expect(refusal(() => parseDuration(bad))).toContain(`"${bad}" is no duration`);
  }
});
