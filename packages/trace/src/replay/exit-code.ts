import type { Fidelity } from "./report.ts";

const EXIT_CODES: Readonly<Record<Fidelity, number>> = {
  exact: 0,
  degraded: 11,
  failed: 12,
  empty: 3,
};

/** The exit code of a command that replayed a run (DESIGN §9): 0 exact, 11 degraded, 12 failed, 3 nothing done. */
export function replayExitCode(report: { readonly fidelity: Fidelity }): number {
  return EXIT_CODES[report.fidelity];
}
