/** What a measurement is told apart by, such as `{ cache: "trust_root" }`. */
export type MetricLabels = Readonly<Record<string, string>>;

/** How one measurement is taken, and by what it is told apart. */
export interface MetricKind {
  readonly kind: "counter" | "histogram" | "gauge";
  readonly unit: "1" | "ms" | "bytes";
  readonly labels: readonly string[];
}

/** The name of a measurement. */
export type MetricName =
  | "proof_artifacts.cache.hit_count"
  | "proof_artifacts.cache.miss_count"
  | "proof_artifacts.cache.stale_served_count"
  | "proof_artifacts.cache.corrupt_count"
  | "proof_artifacts.cache.refresh_count"
  | "proof_artifacts.trust_root.refresh_ms"
  | "proof_artifacts.hash.duration_ms"
  | "proof_artifacts.hash.bytes"
  | "proof_artifacts.sign.duration_ms"
  | "proof_artifacts.verify.duration_ms"
  | "proof_artifacts.verify.result_count"
  | "proof_artifacts.process.rss_bytes";

/** Everything that is measured; `docs/metrics.md` says what each is. */
export const METRICS: Readonly<Record<MetricName, MetricKind>> = {
  "proof_artifacts.cache.hit_count": { kind: "counter", unit: "1", labels: ["cache"] },
  "proof_artifacts.cache.miss_count": { kind: "counter", unit: "1", labels: ["cache"] },
  "proof_artifacts.cache.stale_served_count": { kind: "counter", unit: "1", labels: ["cache"] },
  "proof_artifacts.cache.corrupt_count": { kind: "counter", unit: "1", labels: ["cache"] },
  "proof_artifacts.cache.refresh_count": {
    kind: "counter",
    unit: "1",
    labels: ["cache", "outcome"],
  },
  "proof_artifacts.trust_root.refresh_ms": { kind: "histogram", unit: "ms", labels: [] },
  "proof_artifacts.hash.duration_ms": { kind: "histogram", unit: "ms", labels: [] },
  "proof_artifacts.hash.bytes": { kind: "histogram", unit: "bytes", labels: [] },
  "proof_artifacts.sign.duration_ms": { kind: "histogram", unit: "ms", labels: ["phase"] },
  "proof_artifacts.verify.duration_ms": { kind: "histogram", unit: "ms", labels: ["phase"] },
  "proof_artifacts.verify.result_count": { kind: "counter", unit: "1", labels: ["code"] },
  "proof_artifacts.process.rss_bytes": { kind: "gauge", unit: "bytes", labels: [] },
};

/**
 * Takes measurements. Names begin with `proof_artifacts.`; times are in milliseconds, sizes in bytes.
 * A sink must not throw; nothing waits for it.
 */
export interface MetricsSink {
  counter(name: MetricName, labels?: MetricLabels, by?: number): void;
  histogram(name: MetricName, value: number, labels?: MetricLabels): void;
  gauge(name: MetricName, value: number, labels?: MetricLabels): void;
}
