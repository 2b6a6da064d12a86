/** What is asked for, from few to many. */
export interface Sizes {
  readonly files: readonly number[];
  readonly bytes: readonly number[];
  readonly packs: readonly number[];
  readonly clients: readonly number[];
  /** What each client pulls, in bytes of files. */
  readonly pulled: number;
}

/** The figure of what the registry does for one client, as scale.ts writes and page.ts reads it. */
export const REGISTRY_CPU = {
  of: "`docker-registry`",
  what: "CPU for each pull",
  unit: "s",
} as const;

/** Bytes only as far as the disk has room. */
export const FULL: Sizes = {
  files: [100, 1_000, 10_000, 100_000],
  bytes: [10e6, 100e6, 1e9, 10e9, 20e9],
  packs: [10, 100, 1_000, 10_000, 100_000],
  clients: [1, 4, 16, 64],
  pulled: 50e6,
};

export const SMOKE: Sizes = {
  files: [10, 30, 100],
  bytes: [1e6, 3e6, 10e6],
  packs: [3, 10, 30],
  clients: [1, 2, 4],
  pulled: 4e6,
};
