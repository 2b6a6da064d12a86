// One line of the typed shards.

/** One package as its stanza says; what it does not say, or not so that it can be read, is null and a problem. */
export interface PackageRecord {
  readonly package: string | null;
  readonly version: string | null;
  readonly architecture: string | null;
  readonly source: string | null;
  readonly section: string | null;
  readonly installedKiB: number | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** A pseudonym: the same for the same address, whatever the name before it. */
  readonly maintainer: string | null;
  readonly homepage: string | null;
  readonly description: string | null;
  readonly provides: readonly string[];
  /** Each of them by one of the packages named. */
  readonly depends: readonly (readonly string[])[];
  readonly problems: readonly string[];
}
