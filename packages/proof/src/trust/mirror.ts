import { CtxPackError, type Digest, sha256 } from "@ctxpack/identity";
import { serviceUrl } from "../http/service-url.ts";
import { PUBLIC_GOOD } from "../keyless/public-good.ts";

/** A TUF repository that publishes a `trusted_root.json`, and the root that all of it has to lead back to. */
export interface TrustMirror {
  /** What the trust root is called in policies and reports. */
  readonly name: string;
  /** Where the metadata lies; targets lie in `targets/` below it. */
  readonly url: string;
  /** A root.json of the repository, got by a way that is trusted. */
  readonly root: Uint8Array;
  /** The digest that it has to have: what a configuration pins. */
  readonly rootDigest: Digest;
}

/** A mirror whose pin was checked. */
export interface PinnedMirror extends Omit<TrustMirror, "url"> {
  readonly url: URL;
  /** Name of its folder in the trust directory: where it is, and what it has to lead back to. */
  readonly id: string;
}

/**
 * The mirror of sigstore's public instance. Its root is the one that comes with `@sigstore/tuf`, whose authors hold keys of
 * that repository; the lock file of whoever installs us pins it. Of that package only this one data file is read.
 */
export async function publicGoodMirror(): Promise<TrustMirror> {
  const { default: seeds } = await import("@sigstore/tuf/seeds.json", { with: { type: "json" } });
  const root = Buffer.from(seeds[PUBLIC_GOOD.tufUrl]["root.json"], "base64");
  return { name: "public-good", url: PUBLIC_GOOD.tufUrl, root, rootDigest: sha256(root) };
}

/** Throws `CTXPACK_E_CONFIG` for a URL that is not https, and for a root that is not the pinned one. */
export function pinMirror(mirror: TrustMirror): PinnedMirror {
  const url = serviceUrl(mirror.url, `the trust root ${mirror.name}`);
  const found = sha256(mirror.root);
  if (found !== mirror.rootDigest) {
    throw new CtxPackError(
      "CTXPACK_E_CONFIG",
      `the TUF root of ${mirror.name} is not the one that is pinned`,
      {
        hint: "get the root.json again by a way you trust, or correct its digest",
        details: { expected: mirror.rootDigest, found },
      },
    );
  }
  const id = sha256(Buffer.from(`${url.href}\n${found}`)).slice("sha256:".length, 23);
  const host = url.hostname.replace(/[^a-z0-9.-]/g, "_").slice(0, 80);
  return { ...mirror, url, id: `${host}-${id}` };
}

/** Whether a folder's name is one that `pinMirror` gives. */
export function isMirrorId(name: string): boolean {
  return /^[a-z0-9._-]{1,80}-[0-9a-f]{16}$/.test(name);
}
