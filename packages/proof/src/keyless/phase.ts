import type { MetricsSink } from "../metrics.ts";

/** Measures one phase of signing (`proof_artifacts.sign.duration_ms`), also when it fails. */
export async function timed<T>(
  metrics: MetricsSink | undefined,
  phase: "fulcio" | "tsa" | "rekor",
  run: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await run();
  } finally {
    metrics?.histogram("proof_artifacts.sign.duration_ms", performance.now() - start, { phase });
  }
}
