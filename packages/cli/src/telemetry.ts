import type { MetricsSink } from "@ctxpack/client/proof";
import type { Output } from "./output.ts";

/** Where measurements of the trust part go, and by what trace they are told apart. */
export interface Telemetry extends Disposable {
  readonly metrics: MetricsSink | undefined;
}

const NONE: Telemetry = { metrics: undefined, [Symbol.dispose]: () => {} };

/**
 * Opens what `--metrics` and `--trace-id` name; without the latter the trace is that of `TRACEPARENT`, or else a new
 * one. Lines on stderr carry it from then on. Nothing is loaded where a command has none of this.
 */
export async function openTelemetry(
  flags: { readonly metrics?: string; readonly "trace-id"?: string },
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<Telemetry> {
  const { metrics: file, "trace-id": given } = flags;
  const header = env["TRACEPARENT"];
  if (file === undefined && given === undefined && header === undefined) return NONE;
  const { MetricsFile, newTraceId, traceIdOf } = await import("@ctxpack/client/proof");
  const known = traceIdOf(given, header);
  const traceId = known ?? (file === undefined ? undefined : newTraceId());
  output.traceId = traceId;
  if (file === undefined || traceId === undefined) return NONE;
  const warn = (text: string) => output.warning(text);
  const metrics = MetricsFile.open(file, { traceId, warn });
  return { metrics, [Symbol.dispose]: () => metrics[Symbol.dispose]() };
}
