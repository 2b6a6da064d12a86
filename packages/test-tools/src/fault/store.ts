import { createHash, randomUUID } from "node:crypto";

interface StoredBlob {
  readonly bytes: Buffer;
  /** When it arrived, in milliseconds of `Date.now()`. */
  readonly at: number;
}

interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

/** An upload that has begun. */
export class Session {
  readonly id: string = randomUUID();
  readonly repository: string;
  bytes: Buffer = Buffer.alloc(0);
  /** Counts the locations given out; the newest has this number. */
  state = 0;
  firstChunk: number | undefined;
  shortChunk = false;

  constructor(repository: string) {
    this.repository = repository;
  }
}

class StoredRepository {
  readonly blobs = new Map<string, StoredBlob>();
  readonly manifests = new Map<string, StoredManifest>();
  readonly tags = new Map<string, string>();
}

/** Everything that a fault registry keeps. */
export class Store {
  readonly sessions = new Map<string, Session>();
  readonly #repositories = new Map<string, StoredRepository>();

  find(name: string): StoredRepository | undefined {
    return this.#repositories.get(name);
  }

  open(name: string): StoredRepository {
    let found = this.#repositories.get(name);
    if (found === undefined) {
      found = new StoredRepository();
      this.#repositories.set(name, found);
    }
    return found;
  }

  putBlob(repository: string, bytes: Uint8Array, digest: string = digestOf(bytes)): string {
    this.open(repository).blobs.set(digest, { bytes: Buffer.from(bytes), at: Date.now() });
    return digest;
  }
}

/** The digest of bytes, `sha256:…` unless told otherwise. */
export function digestOf(bytes: Uint8Array, algorithm: "sha256" | "sha512" = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** Whether the bytes have this digest; an unknown algorithm is a no. */
export function hasDigest(bytes: Uint8Array, digest: string): boolean {
  const algorithm = digest.slice(0, digest.indexOf(":"));
  if (algorithm !== "sha256" && algorithm !== "sha512") return false;
  return digestOf(bytes, algorithm) === digest;
}
