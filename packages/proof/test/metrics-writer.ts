// `metrics-writer.ts <file> <count>` appends that many measurements.
import { MetricsFile, newTraceId } from "@ctxpack/proof";

const [, , file = "", count = "0"] = process.argv;
using sink = MetricsFile.open(file, { traceId: newTraceId() });
for (let i = 0; i < Number(count); i++) {
  sink.counter("proof_artifacts.verify.result_count", { code: "x".repeat(1 + (i % 200)) });
}
