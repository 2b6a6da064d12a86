import { createHash, type KeyPairKeyObjectResult, sign } from "node:crypto";
import {
  Key,
  Metadata,
  MetaFile,
  Root,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from "@tufjs/models";
import { newKeys } from "./authority.ts";
import type { Answering } from "./faults.ts";

const TARGET = "trusted_root.json";
const YEAR_MS = 365 * 86_400_000;

/** When roles of a publication expire, in milliseconds from now; a year if not said. */
export interface Publication {
  /** The new content of trusted_root.json; as before if not said. */
  readonly content?: string | undefined;
  readonly timestampExpiresMs?: number | undefined;
  readonly targetsExpiresMs?: number | undefined;
}

/** A TUF repository with consistent snapshots, as sigstore's. */
export class TufRepository {
  readonly #files = new Map<string, Buffer>();
  readonly #publications: (readonly [string, Buffer][])[] = [];
  #keys: KeyPairKeyObjectResult = newKeys();
  #rootVersion = 0;
  #version = 0;
  #content = "";

  constructor(content: string) {
    this.rotateRoot();
    this.publish({ content });
  }

  /** The first root: what a client pins. */
  get firstRoot(): Buffer {
    return this.#files.get("1.root.json") as Buffer;
  }

  readonly answer: Answering = ({ url }) => {
    const file = this.#files.get(url.slice(1));
    return file === undefined ? { status: 404, body: "" } : { status: 200, body: file };
  };

  /** A new root with a new key for all roles, signed by the one before it and by itself. */
  rotateRoot(options: { readonly unsigned?: boolean } = {}): void {
    const [before, next] = [this.#keys, newKeys()];
    this.#rootVersion++;
    const root = new Metadata(
      new Root({ ...common(this.#rootVersion, YEAR_MS), consistentSnapshot: true }),
    );
    for (const role of ["root", "timestamp", "snapshot", "targets"]) {
      root.signed.addKey(keyOf(next), role);
    }
    if (this.#rootVersion > 1 && !options.unsigned) root.sign((data) => signed(before, data), true);
    root.sign((data) => signed(next, data), true);
    this.#files.set(`${this.#rootVersion}.root.json`, bytesOf(root));
    this.#keys = next;
    if (this.#version > 0) this.publish();
  }

  publish({ content = this.#content, ...expires }: Publication = {}): void {
    this.#content = content;
    const version = ++this.#version;
    const bytes = Buffer.from(content);
    const targets = new Metadata(new Targets(common(version, expires.targetsExpiresMs)));
    targets.signed.addTarget(
      new TargetFile({ path: TARGET, length: bytes.length, hashes: { sha256: sha256(bytes) } }),
    );
    const targetsBytes = this.#sign(targets);
    const meta = { "targets.json": metaOf(version, targetsBytes) };
    const snapshotBytes = this.#sign(new Metadata(new Snapshot({ ...common(version), meta })));
    const snapshotMeta = metaOf(version, snapshotBytes);
    const timestamp = new Timestamp({
      ...common(version, expires.timestampExpiresMs),
      snapshotMeta,
    });
    const files: readonly [string, Buffer][] = [
      [`targets/${sha256(bytes)}.${TARGET}`, bytes],
      [`${version}.targets.json`, targetsBytes],
      [`${version}.snapshot.json`, snapshotBytes],
      ["timestamp.json", this.#sign(new Metadata(timestamp))],
    ];
    this.#publications.push(files);
    for (const [name, file] of files) this.#files.set(name, file);
  }

  /** Serves what was published first again. */
  rollBack(): void {
    for (const [name, file] of this.#publications[0] ?? []) this.#files.set(name, file);
  }

  /** Changes one byte of a file as it is served: `timestamp.json`, `snapshot.json`, `targets.json`, `trusted_root.json`. */
  damage(name: string): void {
    const found = [...this.#files.keys()].findLast(
      (one) => one === name || one.endsWith(`.${name}`),
    );
    const file = Buffer.from(this.#files.get(found ?? "") ?? "");
    // A letter of a signature, or of the target, becomes another one.
    const at = file.indexOf('"sig":"') + 20;
    file[at] = file[at] === 0x30 ? 0x31 : 0x30;
    this.#files.set(found ?? "", file);
  }

  #sign(metadata: Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>): Buffer {
    metadata.sign((data) => signed(this.#keys, data));
    return bytesOf(metadata);
  }
}

function common(version: number, expiresMs: number = YEAR_MS) {
  // TUF's times have no fractions.
  const expires = new Date(Date.now() + expiresMs).toISOString().replace(/\.\d+/, "");
  return { version, specVersion: "1.0.31", expires };
}

function bytesOf(metadata: { toJSON(): object }): Buffer {
  return Buffer.from(JSON.stringify(metadata.toJSON()));
}

function metaOf(version: number, bytes: Buffer): MetaFile {
  return new MetaFile({ version, length: bytes.length, hashes: { sha256: sha256(bytes) } });
}

function keyOf({ publicKey }: KeyPairKeyObjectResult): Key {
  const type = "ecdsa-sha2-nistp256";
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const keyID = sha256(Buffer.from(pem));
  return new Key({ keyID, keyType: type, scheme: type, keyVal: { public: pem } });
}

function signed(keys: KeyPairKeyObjectResult, data: Buffer): Signature {
  const sig = sign("sha256", data, keys.privateKey).toString("hex");
  return new Signature({ keyID: keyOf(keys).keyID, sig });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
