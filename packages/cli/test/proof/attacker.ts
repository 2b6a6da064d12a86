import { createHash, sign } from "node:crypto";

/** What the attacker knows of a blob or manifest. */
export interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest as JSON, whatever it says. */
// biome-ignore lint/suspicious/noExplicitAny: what an attacker reads and writes has no shape
export type Json = any;

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The tag under which a registry without a referrers API lists what refers to a manifest. */
function fallbackTag(digest: string): string {
  return digest.replace(":", "-");
}

/** Somebody who may push to a repository and speaks HTTP with it: nothing of ours is in here. */
export class Attacker {
  readonly #base: string;
  readonly #repository: string;

  /** `pantry`: `host/repository`. */
  constructor(pantry: string) {
    const [host, ...path] = pantry.split("/");
    this.#repository = path.join("/");
    this.#base = `http://${host}/v2/${this.#repository}`;
  }

  /** Bytes of a manifest by tag or digest; `undefined` when there is none. */
  async manifest(reference: string): Promise<Uint8Array | undefined> {
    const accept = `${MANIFEST}, ${INDEX}`;
    const answer = await this.#ask(`manifests/${reference}`, { headers: { accept } }, [200, 404]);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return answer.status === 404 ? undefined : bytes;
  }

  async manifestJson(reference: string): Promise<Json> {
    const bytes = await this.manifest(reference);
    return bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
  }

  async blob(digest: string): Promise<Uint8Array> {
    const answer = await this.#ask(`blobs/${digest}`, {}, [200]);
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Under a tag, or under its digest alone. */
  async putManifest(value: Json, tag?: string): Promise<Described> {
    const bytes = value instanceof Uint8Array ? value : new TextEncoder().encode(json(value));
    const { mediaType = MANIFEST } = JSON.parse(new TextDecoder().decode(bytes));
    const digest = digestOf(bytes);
    const headers = { "content-type": mediaType };
    const init = { method: "PUT", headers, body: Buffer.from(bytes) };
    await this.#ask(`manifests/${tag ?? digest}`, init, [201]);
    return { mediaType, digest, size: bytes.length };
  }

  async putBlob(bytes: Uint8Array, mediaType: string): Promise<Described> {
    const digest = digestOf(bytes);
    const begun = await this.#ask("blobs/uploads/", { method: "POST" }, [202]);
    const to = new URL(begun.headers.get("location") as string, this.#base);
    to.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    await this.#ask(to.href, { method: "PUT", headers, body: Buffer.from(bytes) }, [201]);
    return { mediaType, digest, size: bytes.length };
  }

  async deleteManifest(digest: string): Promise<void> {
    await this.#ask(`manifests/${digest}`, { method: "DELETE" }, [202]);
  }

  /** Copies a tag, and the proofs of what it names, to another repository of the registry. */
  async copy(tag: string, to: Attacker): Promise<void> {
    const bytes = (await this.manifest(tag)) as Uint8Array;
    await this.#copyManifest(bytes, to, tag);
    const list = fallbackTag(digestOf(bytes));
    for (const { digest } of await this.listed(digestOf(bytes))) {
      await this.#copyManifest((await this.manifest(digest)) as Uint8Array, to);
    }
    const listed = await this.manifest(list);
    if (listed !== undefined) await to.putManifest(listed, list);
  }

  async #copyManifest(bytes: Uint8Array, to: Attacker, tag?: string): Promise<void> {
    const { config, layers } = JSON.parse(new TextDecoder().decode(bytes));
    for (const { digest } of [config, ...layers]) {
      const mount = `blobs/uploads/?mount=${digest}&from=${this.#repository}`;
      await to.#ask(mount, { method: "POST" }, [201]);
    }
    await to.putManifest(bytes, tag);
  }

  async tags(): Promise<string[]> {
    const answer: Json = await (await this.#ask("tags/list", {}, [200])).json();
    return answer.tags;
  }

  /** What the list under the fallback tag names. */
  async listed(subject: string): Promise<Described[]> {
    return (await this.manifestJson(fallbackTag(subject)))?.manifests ?? [];
  }

  /** Overwrites that list. */
  async list(subject: string, manifests: readonly Described[]): Promise<void> {
    const index = { schemaVersion: 2, mediaType: INDEX, manifests };
    await this.putManifest(index, fallbackTag(subject));
  }

  /** The first bundle that is attached to a manifest. */
  async bundle(subject: string): Promise<Json> {
    const [first] = await this.listed(subject);
    if (first === undefined) throw new Error(`nothing refers to ${subject}`);
    const { layers } = await this.manifestJson(first.digest);
    return JSON.parse(new TextDecoder().decode(await this.blob(layers[0].digest)));
  }

  /** A referrer to `subject` that holds `bundle`; it is listed by {@link list} only. */
  async referrer(
    subject: Described,
    bundle: Json,
    annotations: Readonly<Record<string, string>> = {},
  ): Promise<Described> {
    const bytes = bundle instanceof Uint8Array ? bundle : new TextEncoder().encode(json(bundle));
    const layer = await this.putBlob(bytes, BUNDLE);
    const empty = "application/vnd.oci.empty.v1+json";
    const config = await this.putBlob(new TextEncoder().encode("{}"), empty);
    const manifest = await this.putManifest({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: BUNDLE,
      config,
      layers: [layer],
      subject,
      annotations,
    });
    return { ...manifest, artifactType: BUNDLE, annotations };
  }

  /** Makes `bundle` the only thing that refers to `subject`. */
  async attachOnly(subject: Described, bundle: Json): Promise<void> {
    await this.list(subject.digest, [await this.referrer(subject, bundle)]);
  }

  async #ask(path: string, init: RequestInit, expected: readonly number[]): Promise<Response> {
    const url = path.startsWith("http") ? path : `${this.#base}/${path}`;
    const answer = await fetch(url, init);
    if (expected.includes(answer.status)) return answer;
    throw new Error(`${init.method ?? "GET"} ${url}: ${answer.status} ${await answer.text()}`);
  }
}

function json(value: Json): string {
  return JSON.stringify(value);
}

/** The statement inside a bundle. */
export function statementOf(bundle: Json): Json {
  return JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, "base64").toString());
}

/** The bundle with another payload, truly signed with `key`: by an implementation of DSSE that is not ours. */
export function resigned(
  bundle: Json,
  key: { readonly pem: string; readonly id: string },
  payload: Json,
  payloadType: string = bundle.dsseEnvelope.payloadType,
): Json {
  const body = payload instanceof Uint8Array ? payload : Buffer.from(json(payload));
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `;
  const sig = sign("sha256", Buffer.concat([Buffer.from(head), body]), key.pem).toString("base64");
  return {
    ...bundle,
    verificationMaterial: { publicKey: { hint: key.id } },
    dsseEnvelope: {
      payload: Buffer.from(body).toString("base64"),
      payloadType,
      signatures: [{ sig, keyid: key.id }],
    },
  };
}
