// TAB in real shells: what is typed, a TAB, Enter, and the words that the program then gets.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { missingProgram } from "@ctxpack/test-tools";
import { describe, expect, test } from "vitest";
import { PROGRAMS, SHELLS, scriptFor } from "../../src/completion/scripts.ts";
import { bin, cleanUp, finish, result, scratch } from "../run.ts";

cleanUp();

interface Place {
  readonly cwd: string;
  readonly uri: string;
  readonly env: Record<string, string>;
}

/** A project with a pack and a pantry, and programs that complete as ours do and else write their words down. */
async function place(): Promise<Place> {
  const cwd = scratch();
  for (const dir of ["bin", "out", "output two"]) mkdirSync(join(cwd, dir));
  writeFileSync(join(cwd, "out/a"), "a");
  writeFileSync(join(cwd, "contract.json"), '{"name":"handbook","transforms":[{"tool":"t"}]}');
  writeFileSync(join(cwd, "contents.txt"), "");
  writeFileSync(
    join(cwd, "ctxpack.config.json"),
    JSON.stringify({ pantries: [{ name: "team", address: "oci:pantry" }] }),
  );
  const uri = await result(["seed", "out", "--contract", "contract.json"], { cwd });
  for (const name of PROGRAMS) {
    writeFileSync(
      join(cwd, "bin", name),
      `#!/bin/sh
if [ "$1" = completion ]; then exec '${process.execPath}' '${join(dirname(bin), `${name}.cjs`)}' "$@"; fi
printf '<%s>' "$@" >>got
echo >>got
`,
      { mode: 0o755 },
    );
  }
  const env = {
    PATH: `${join(cwd, "bin")}:${process.env["PATH"]}`,
    HOME: cwd,
    TERM: "xterm",
    CTXPACK_CACHE_DIR: join(cwd, "store"),
  };
  return { cwd, uri, env };
}

/** Types lines into a shell on a terminal of its own; resolves to the words each line became. */
async function type({ cwd, env }: Place, shell: string, lines: readonly string[]) {
  const child = spawn("script", ["-qec", shell, "/dev/null"], { cwd, env });
  const done = finish(child);
  child.stdin.end([...lines, "exit", ""].join("\n"));
  const { stdout } = await done;
  let got = "";
  try {
    got = readFileSync(join(cwd, "got"), "utf8");
  } catch {
    // Told with what the terminal showed.
  }
  expect(got, stdout).not.toBe("");
  return got.trimEnd().split("\n");
}

/** Typed, with `\t` for a TAB, and what comes of it. */
function cases(uri: string): readonly (readonly [typed: string, got: string])[] {
  const hex = uri.slice("ctx://sha256:".length);
  return [
    ["ctxpack exis\t", "<exists>"],
    ["ctxpack trace fina\t", "<trace><finalize>"],
    ["ctxpack pull --veri\t", "<pull><--verify>"],
    ["ctxpack seed --contr\tcontract.j\tout", "<seed><--contract><contract.json><out>"],
    ["ctxpack seed --contract cont\tout", "<seed><--contract><contract.json><out>"],
    [`ctxpack pull ${hex.slice(0, 3)}\t`, `<pull><${hex.slice(0, 12)}>`],
    ["ctxpack pull ctx:/\t", `<pull><${uri}>`],
    [`ctxpack inspect ${uri.slice(0, 20)}\t--from te\t`, `<inspect><${uri}><--from><team>`],
    ["ctxpack push abcdef --to=te\t", "<push><abcdef><--to=team>"],
    ["ctxpack push abcdef --to oci:outp\t", "<push><abcdef><--to><oci:output two"],
    ["ctx fina\t", "<finalize>"],
    ["ctx help repl\t", "<help><replay>"],
    ["ctx diff --exit\t", "<diff><--exit-code>"],
    [`ctx show ${hex.slice(0, 3)}\t--from te\t`, `<show><${hex.slice(0, 12)}><--from><team>`],
    ["ctx pack conte\t", "<pack><contents.txt>"],
    ["ctx pull --veri\t", "<pull><--verify>"],
  ];
}

for (const [shell, start, set] of [
  [
    "bash",
    "bash --norc --noprofile -i",
    'eval "$(ctxpack completion bash)"; eval "$(ctx completion bash)"',
  ],
  [
    "zsh",
    "zsh -f -i",
    'autoload -U compinit; compinit -u; eval "$(ctxpack completion zsh)"; eval "$(ctx completion zsh)"',
  ],
] as const) {
  describe.skipIf(missingProgram(shell, "script"))(shell, () => {
    test("TAB finishes commands, flags, contracts, URIs and pantries", async () => {
      const at = await place();
      const all = cases(at.uri);
      const got = await type(at, start, [set, ...all.map(([typed]) => typed)]);
      expect(got).toHaveLength(all.length);
      for (const [index, [typed, expected]] of all.entries()) {
        expect(got[index], typed).toSatisfy((line: string) => line.startsWith(expected));
      }
    });
  });
}

describe.skipIf(missingProgram("fish"))("fish", () => {
  test("what it offers", async () => {
    const at = await place();
    const { cwd, env, uri } = at;
    const offer = (line: string) => {
      const { stdout, stderr } = spawnSync(
        "fish",
        [
          "--no-config",
          "-c",
          `ctxpack completion fish | source; ctx completion fish | source; complete -C ${JSON.stringify(line)}`,
        ],
        { cwd, env, encoding: "utf8" },
      );
      expect(stderr).toBe("");
      return stdout.trimEnd().split("\n");
    };
    const hex = uri.slice("ctx://sha256:".length);
    expect(offer("ctxpack exis")).toEqual(["exists\tsay where a pack can be had"]);
    expect(offer("ctxpack trace fina")).toEqual(["finalize\tmake a run of an edited fork"]);
    expect(offer("ctxpack seed --contr")).toEqual(["--contract\twhat made the folder"]);
    expect(offer(`ctxpack pull ${hex.slice(0, 3)}`)).toEqual([`${hex.slice(0, 12)}\thandbook`]);
    expect(offer("ctxpack pull ctx:/")).toEqual([`${uri}\thandbook`]);
    expect(offer("ctxpack inspect abcdef --from te")).toEqual(["team\toci:pantry"]);
    expect(offer("ctxpack push abcdef --to=te")[0]).toMatch(/^--to=team/);
    const contracts = offer("ctxpack seed --contract cont");
    expect(contracts.map((line) => line.split("\t")[0])).toEqual(["contract.json"]);
    expect(offer("ctx fina")).toEqual(["finalize\tmake a run of an edited fork"]);
    expect(offer(`ctx show ${hex.slice(0, 3)}`)).toEqual([`${hex.slice(0, 12)}\thandbook`]);
  });
});

test("PowerShell quotes the empty word where it would be lost", () => {
  for (const program of PROGRAMS) {
    const lines = scriptFor("powershell", program).split("\n");
    const quoted = lines.findIndex((line) => line.includes(`{ $wordToComplete = '""' }`));
    expect(lines[quoted]).toContain("\"$passing\" -notin 'Standard', 'Windows'");
    // A variable that an older PowerShell has not is no error, in strict mode either.
    expect(lines[quoted - 1]).toContain("Get-Variable PSNativeCommandArgumentPassing -ValueOnly");
    expect(lines[quoted + 1]).toContain(
      `& ${program} completion answer '--' @words "$wordToComplete"`,
    );
  }
});

describe.skipIf(missingProgram("pwsh"))("PowerShell", () => {
  test("the script is one it can read", () => {
    const parse =
      "$e = $null; $null = [System.Management.Automation.Language.Parser]::ParseInput(" +
      "[Console]::In.ReadToEnd(), [ref]$null, [ref]$e); $e | ForEach-Object { $_.Message }";
    for (const program of PROGRAMS) {
      const { stdout, status } = spawnSync("pwsh", ["-NoProfile", "-Command", parse], {
        input: scriptFor("powershell", program),
        encoding: "utf8",
      });
      expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
    }
  });
});

test("each script is printed as it is", async () => {
  const cwd = scratch();
  for (const shell of SHELLS) {
    expect(await result(["completion", shell], { cwd })).toBe(scriptFor(shell).trimEnd());
    const own = scriptFor(shell, "ctx").trimEnd();
    expect(own).not.toContain("ctxpack");
    expect(await result(["completion", shell, "ctx"], { cwd })).toBe(own);
    const ctx = join(dirname(bin), "ctx.cjs");
    const quiet = spawnSync(process.execPath, [ctx, "completion", shell, "--quiet"]);
    expect(String(quiet.stdout).trimEnd()).toBe(own);
  }
});
