import { CtxPackError, type Digest } from "@ctxpack/identity";
import { type Descriptor, parseDescriptor } from "../descriptor.ts";
import { artifactTypeOf, parseManifest } from "../manifest.ts";
import { IMAGE_INDEX_TYPE } from "../media-type.ts";
import type { Abortable, Manifests } from "./manifests.ts";
import { type Page, pages } from "./pages.ts";
import type { RegistryProfile } from "./profile.ts";
import { ReferrersTag, UNCONTESTED, type Written } from "./referrers-tag.ts";
import type { Transport } from "./transport.ts";

/** Referrers of one manifest that are looked at; the rest is an attack or a mistake. */
const MAX_REFERRERS = 1024;
/** Manifests read because a list does not say what they are. */
const MAX_READ = 64;

/** What is wrong with one referrer, not with the list of them. */
const UNREADABLE: ReadonlySet<string> = new Set(["CTXPACK_E_NOT_FOUND", "CTXPACK_E_MANIFEST"]);

/** What a registry's answers say of its referrers API. */
type State = "unknown" | "api" | "tag" | "both";

/**
 * Who refers to a manifest, at a registry with the referrers API or without (distribution-spec, "Listing
 * Referrers", "Referrers Tag Schema"). Where a registry's answers contradict each other both are read and
 * both are right.
 */
export class Referrers {
  readonly #transport: Transport;
  readonly #repository: string;
  readonly #manifests: Manifests;
  readonly #tag: ReferrersTag;
  #state: State;

  constructor(
    transport: Transport,
    repository: string,
    manifests: Manifests,
    profile: RegistryProfile,
  ) {
    this.#transport = transport;
    this.#repository = repository;
    this.#manifests = manifests;
    this.#tag = new ReferrersTag(transport.host, repository, manifests);
    this.#state = profile.referrers === "auto" ? "unknown" : profile.referrers;
  }

  /** Where they are listed, as far as it is known. */
  get state(): State {
    return this.#state;
  }

  /** The manifests whose subject is this one. Each once, at most 1,024 (CTXPACK_E_PROTOCOL). */
  async *list(
    subject: Descriptor,
    options: Abortable & { readonly artifactType?: string | undefined } = {},
  ): AsyncGenerator<Descriptor> {
    const { artifactType, signal } = options;
    const seen = new Set<Digest>();
    const left = { toRead: MAX_READ };
    for await (const found of this.#all(subject, artifactType, signal)) {
      if (seen.has(found.digest)) continue;
      if (seen.size >= MAX_REFERRERS) throw tooMany(this.#where(subject));
      seen.add(found.digest);
      // A list with something left out must not pass for a whole one.
      if (artifactType !== undefined && found.artifactType === undefined && left.toRead === 0)
        throw tooManyUntyped(this.#where(subject));
      const whole = await this.#described(found, left, signal);
      if (artifactType === undefined || whole.artifactType === artifactType) yield whole;
    }
  }

  /**
   * Sees to it that a manifest that was just stored is found by its subject. `answered` is the `OCI-Subject` the
   * registry gave: it has listed it itself if that is the subject. Resolves when it is listed.
   */
  async add(
    manifest: { readonly descriptor: Descriptor; readonly bytes: Uint8Array },
    subject: Descriptor,
    answered: string | undefined,
    options: Abortable = {},
  ): Promise<Written> {
    const claims = answered === subject.digest;
    if (claims && (this.#state === "unknown" || this.#state === "api")) {
      // It may say so before it can: what it lists is looked at before that is believed.
      const { digest } = manifest.descriptor;
      if (this.#state === "api" || (await this.#lists(subject, digest, options.signal))) {
        this.#state = "api";
        return UNCONTESTED;
      }
    }
    const contradicts = claims || this.#state === "api" || this.#state === "both";
    this.#state = contradicts ? "both" : "tag";
    return await this.#tag.add(subject, describe(manifest), options);
  }

  /** A referrer has been removed. It may be under the tag too: the registry may have had no API when it was stored. */
  async remove(subject: Descriptor, referrer: Digest, options: Abortable = {}): Promise<void> {
    await (await this.#tag.remove(subject, referrer, options)).looked;
  }

  async *#all(
    subject: Descriptor,
    artifactType: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Descriptor> {
    if (this.#state !== "tag") yield* this.#fromApi(subject, artifactType, signal);
    // Also where the API answers: it may have come later than what is under the tag, and an empty list may mean
    // that the registry does not know what it was asked.
    yield* await this.#tag.list(subject, { signal });
  }

  async *#fromApi(
    subject: Descriptor,
    artifactType: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Descriptor> {
    const query =
      artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
    const path = `/v2/${this.#repository}/referrers/${subject.digest}${query}`;
    for await (const page of this.#pages(path, signal)) {
      const listed = descriptorsOf(page);
      // A repository that is not there yet says nothing of what the registry can do.
      if (listed === undefined && isNameUnknown(page)) return;
      if (listed === undefined) {
        if (this.#state === "api") this.#state = "both";
        else if (this.#state === "unknown") this.#state = "tag";
        return;
      }
      if (this.#state === "unknown" && listed.length > 0) this.#state = "api";
      yield* listed;
    }
  }

  /** Whether the registry's own list has this referrer. */
  async #lists(
    subject: Descriptor,
    referrer: Digest,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const path = `/v2/${this.#repository}/referrers/${subject.digest}`;
    for await (const page of this.#pages(path, signal)) {
      if (descriptorsOf(page)?.some(({ digest }) => digest === referrer)) return true;
    }
    return false;
  }

  #pages(path: string, signal: AbortSignal | undefined): AsyncGenerator<Page> {
    return pages({
      transport: this.#transport,
      repository: this.#repository,
      path,
      accept: IMAGE_INDEX_TYPE,
      // Whatever a registry without the API says to it, it is not an error.
      ends: [400, 404, 405, 406, 415, 501],
      signal,
    });
  }

  /** Says what a referrer is where the list that has it does not. */
  async #described(
    d: Descriptor,
    left: { toRead: number },
    signal: AbortSignal | undefined,
  ): Promise<Descriptor> {
    if (d.artifactType !== undefined || left.toRead === 0) return d;
    left.toRead--;
    try {
      return describe(await this.#manifests.get(d.digest, { signal }));
    } catch (error) {
      signal?.throwIfAborted();
      // A list may name what is gone or cannot be read, and must not hide the others: whoever fetches it is told.
      if (CtxPackError.isInstance(error) && UNREADABLE.has(error.code)) return d;
      throw error;
    }
  }

  #where(subject: Descriptor): string {
    return `${this.#transport.host}/${this.#repository}@${subject.digest}`;
  }
}

/** The descriptor of a referrer as lists have it: with its type and its annotations. */
function describe(manifest: {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}): Descriptor {
  const { mediaType, digest, size } = manifest.descriptor;
  const parsed = parseManifest(manifest.bytes, { mediaType, digest, size });
  const artifactType = artifactTypeOf(parsed);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(parsed.annotations !== undefined && { annotations: parsed.annotations }),
  };
}

/** The entries of a page of the API; `undefined` when the answer shows that there is none. */
function descriptorsOf(page: Page): readonly Descriptor[] | undefined {
  if (page.status !== 200 || page.headers.contentType !== IMAGE_INDEX_TYPE) return undefined;
  const manifests = (page.value as { manifests?: unknown } | null | undefined)?.manifests;
  if (manifests === null) return [];
  if (!Array.isArray(manifests)) return undefined;
  return manifests.map((value, i) =>
    parseDescriptor(value, {
      code: "CTXPACK_E_MANIFEST",
      where: "the list of referrers",
      pointer: `/manifests/${i}`,
    }),
  );
}

function isNameUnknown({ value }: Page): boolean {
  const errors = (value as { errors?: unknown } | null | undefined)?.errors;
  return Array.isArray(errors) && errors.some((fault) => fault?.code === "NAME_UNKNOWN");
}

function tooManyUntyped(where: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `the list of referrers of ${where} leaves out what more than ${MAX_READ} of them are`,
    {
      hint: "list them all, without a type",
      details: { subject: where, limit: MAX_READ },
    },
  );
}

function tooMany(where: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `${where} has more than ${MAX_REFERRERS} referrers`,
    { details: { subject: where, limit: MAX_REFERRERS } },
  );
}
