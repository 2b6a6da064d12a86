/** How blobs are sent: in one PUT, in one PATCH and an empty PUT, in PATCHes of a size. */
export type UploadStrategy = "put" | "stream" | "chunks";

/** What a registry can do, as far as it is known beforehand; everything is probed and falls back all the same. */
export interface RegistryProfile {
  /** What is tried first. */
  readonly upload: UploadStrategy;
  /** Whether what several PATCHes sent is kept whole. Believed until an upload shows otherwise. */
  readonly multiPatch: boolean;
  /** Bytes in one PATCH. */
  readonly chunkSize: number;
  /** Blobs are fetched in several ranges at once, and resumed. */
  readonly ranges: boolean;
  /** Where referrers are listed; `auto` finds out. */
  readonly referrers: "auto" | "api" | "tag";
  /** Whether it is worth asking for a blob of another repository. */
  readonly mount: boolean;
  /** The most layers of a manifest it is known to take. */
  readonly maxLayers: number;
}

const MiB = 1 << 20;

const DEFAULT: RegistryProfile = {
  upload: "put",
  multiPatch: true,
  chunkSize: 16 * MiB,
  ranges: true,
  referrers: "auto",
  mount: true,
  maxLayers: Number.POSITIVE_INFINITY,
};

/** What is known of registries by the host they are reached at: data, and no more than a first guess. */
const KNOWN: readonly (readonly [RegExp, Partial<RegistryProfile>])[] = [
  // A PATCH with a Content-Length over 4 MiB is 416; whether several are kept is not certain.
  [/^ghcr\.io$/, { chunkSize: 4 * MiB - 65_536, referrers: "auto" }],
  // Parts of 5 to 10 MiB, at most 4,200; more than 500 layers are refused.
  [
    /\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/,
    { chunkSize: 10 * MiB, maxLayers: 500 },
  ],
  [/^public\.ecr\.aws$/, { chunkSize: 10 * MiB, mount: false, maxLayers: 500 }],
  // Large bodies are reset by what stands before it.
  [/\.azurecr\.(?:io|cn|us)$/, { chunkSize: 4 * MiB }],
  [/(?:^|\.)pkg\.dev$|(?:^|\.)gcr\.io$/, { multiPatch: false }],
];

/** The first guess for a host, and what its user knows better. */
export function profileFor(
  host: string,
  own: Partial<RegistryProfile> | undefined = undefined,
): RegistryProfile {
  const known = KNOWN.find(([pattern]) => pattern.test(host))?.[1];
  const given = Object.fromEntries(Object.entries(own ?? {}).filter(([, v]) => v !== undefined));
  return { ...DEFAULT, ...known, ...given };
}

/** Docker Hub's API has another name than its references. */
export function apiHost(host: string): string {
  return host === "docker.io" || host === "index.docker.io" ? "registry-1.docker.io" : host;
}
