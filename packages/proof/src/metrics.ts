/** What a measurement is told apart by, such as `{ cache: "trust_root" }`. */
export type MetricLabels = Readonly<Record<string, string>>;

/**
 * Takes measurements. Names begin with `proof_artifacts.`; times are in milliseconds, sizes in bytes.
 * A sink must not throw; nothing waits for it.
 */
export interface MetricsSink {
  counter(name: string, labels?: MetricLabels, by?: number): void;
  histogram(name: string, value: number, labels?: MetricLabels): void;
  gauge(name: string, value: number, labels?: MetricLabels): void;
}
