import type { Contract, ContractInput, ContractOutput, ResolvedContract } from "../contract.ts";
import { CtxPackError } from "../errors.ts";
import { compilePattern } from "../pattern.ts";
import type { Problem } from "./problem.ts";

/** The rules of DESIGN §4.1 that a JSON Schema cannot say, for a contract that follows the schema. */
export function contractProblems(contract: Contract): Problem[] {
  const inputs = contract.inputs ?? [];
  return [
    ...repeatedNames(inputs.map((input) => input.name)),
    ...inputs.flatMap((input, index) => inputProblems(input, `/inputs/${index}`)),
    ...contract.transforms.flatMap(({ code = [], code_hash }, index) => [
      ...patternProblems(code, `/transforms/${index}/code`),
      ...(code.length > 0 && code_hash !== undefined ? [codeTwice(index)] : []),
    ]),
    ...outputProblems(contract.outputs ?? []),
  ];
}

/** The same for a resolved contract. */
export function resolvedProblems(contract: ResolvedContract): Problem[] {
  const names = contract.inputs.map((input) => input.name);
  const problems = repeatedNames(names);
  if (contract.map !== undefined && !names.includes(contract.map.input)) {
    const message = `no input is called ${JSON.stringify(contract.map.input)}`;
    problems.push({ pointer: "/map/input", message });
  }
  return problems;
}

/** The part of a path after its last slash; a folder may be written with one behind it. */
function baseName(path: string): string {
  return /([^/]*)\/*$/.exec(path)?.[1] ?? "";
}

function repeatedNames(names: readonly string[]): Problem[] {
  const seen = new Set<string>();
  return names.flatMap((name, index) => {
    const repeated = seen.has(name);
    seen.add(name);
    const message = `two inputs are called ${JSON.stringify(name)}`;
    return repeated ? [{ pointer: `/inputs/${index}/name`, message }] : [];
  });
}

function inputProblems(input: ContractInput, pointer: string): Problem[] {
  if (input.path !== undefined || input.pack !== undefined) {
    const pin = input.digest;
    return [
      ...patternProblems(input.include ?? [], `${pointer}/include`),
      ...patternProblems(input.exclude ?? [], `${pointer}/exclude`),
      ...(input.path === undefined && pin !== undefined && !pin.startsWith("dirHash1:")
        ? [
            {
              pointer: `${pointer}/digest`,
              message: "expected dirHash1:, the digest of a pack's output",
            },
          ]
        : []),
    ];
  }
  return ["include", "exclude"]
    .filter((key) => Object.hasOwn(input, key))
    .map((key) => ({ pointer: `${pointer}/${key}`, message: `${key} needs a path or a pack` }));
}

function patternProblems(patterns: readonly string[], pointer: string): Problem[] {
  return patterns.flatMap((pattern, index) => {
    try {
      compilePattern(pattern);
      return [];
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      return [{ pointer: `${pointer}/${index}`, message: error.message, hint: error.hint }];
    }
  });
}

function codeTwice(index: number): Problem {
  return {
    pointer: `/transforms/${index}/code_hash`,
    message: "code and code_hash are given; one of the two is allowed",
  };
}

function outputProblems(outputs: readonly ContractOutput[]): Problem[] {
  if (outputs.length < 2) return [];
  const seen = new Set<string>();
  return outputs.flatMap((output, index) => {
    const name = output.name ?? baseName(output.path);
    const pointer = `/outputs/${index}`;
    if (name === "" || name === "." || name === "..") {
      return [{ pointer, message: "one of several outputs needs a name" }];
    }
    const repeated = seen.has(name);
    seen.add(name);
    const message = `two outputs are called ${JSON.stringify(name)}`;
    return repeated ? [{ pointer, message, hint: "give one of them another name" }] : [];
  });
}
