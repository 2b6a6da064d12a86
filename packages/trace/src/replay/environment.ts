import type { RunEnvironment, RunHead } from "../run/head.ts";
import type { EnvironmentDrift } from "./report.ts";

/** The machine and runtime of this process, as a run has them. */
export function currentEnvironment(): RunEnvironment {
  return { os: process.platform, arch: process.arch, runtime: `node${process.versions.node}` };
}

/**
 * What of a run's environment is not as it was. What the record does not tell is no drift; a tool whose version is not
 * known here is one without `actual`.
 */
export function environmentDrift(
  head: Pick<RunHead, "environment">,
  actual: RunEnvironment = currentEnvironment(),
): EnvironmentDrift[] {
  const expected = head.environment ?? {};
  const drifts: EnvironmentDrift[] = [];
  for (const member of ["os", "arch", "runtime", "image"] as const) {
    drifts.push(...drift(member, expected[member], actual[member]));
  }
  const here = new Map(Object.entries(actual.tools ?? {}));
  for (const name of Object.keys(expected.tools ?? {}).sort()) {
    drifts.push(...drift(`tools/${name}`, expected.tools?.[name], here.get(name)));
  }
  return drifts;
}

function drift(
  member: string,
  expected: string | undefined,
  actual: string | undefined,
): EnvironmentDrift[] {
  if (expected === undefined || expected === actual) return [];
  return [actual === undefined ? { member, expected } : { member, expected, actual }];
}
