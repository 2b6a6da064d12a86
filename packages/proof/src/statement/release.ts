import { type Digest, digestHex } from "@ctxpack/identity";
import { at, type JsonObject, type MemberPlace, refuse, stringAt } from "./members.ts";
import { RELEASE_TYPE } from "./predicate-type.ts";
import type { Statement } from "./statement.ts";

/** That a tag of a repository is meant to name a manifest. */
export interface Release {
  /** Package URL (`pkg:oci/…`) with repository, digest and tag. */
  readonly purl: string;
  /** Stable over all releases of the same thing. */
  readonly packageId?: string;
}

/** What is released under which name. */
export interface ReleaseFacts {
  /** `ghcr.io/acme/packs/handbook`, without tag. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest;
  readonly packageId?: string | undefined;
}

/** The predicate that binds a tag to a manifest (in-toto release v0.1); its subject is that manifest. */
export function releasePredicate(facts: ReleaseFacts): JsonObject {
  return {
    purl: ociPurl(facts),
    ...(facts.packageId !== undefined && { packageId: facts.packageId }),
  };
}

/**
 * Reads a release statement.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_PREDICATE` for a statement of another kind, `CTXPACK_E_PROOF_STATEMENT` for
 *   one without a package URL.
 */
export function parseRelease({ predicateType, predicate }: Statement): Release {
  const place: MemberPlace = {
    code: "CTXPACK_E_PROOF_STATEMENT",
    where: "release",
    path: ["predicate"],
  };
  if (predicateType !== RELEASE_TYPE) {
    const message = `predicateType is ${JSON.stringify(predicateType)}, not ${RELEASE_TYPE}`;
    throw refuse({ ...place, code: "CTXPACK_E_PROOF_PREDICATE", path: [] }, message);
  }
  const purl = stringAt(predicate["purl"], at(place, "purl"));
  const packageId = predicate["packageId"];
  if (packageId === undefined) return { purl };
  return { purl, packageId: stringAt(packageId, at(place, "packageId")) };
}

/** Whether a release is that of this tag: the package URL is compared as a whole, so nothing in it can be smuggled. */
export function isReleaseOf(release: Release, facts: ReleaseFacts): boolean {
  return release.purl === ociPurl(facts);
}

/** Package URL of type `oci`: the last component of the repository, qualifiers sorted, values percent-encoded. */
function ociPurl({ repository, tag, digest }: ReleaseFacts): string {
  const name = repository.slice(repository.lastIndexOf("/") + 1).toLowerCase();
  const version = encodeURIComponent(`sha256:${digestHex(digest)}`);
  // `/` and `:` stay readable in a qualifier's value.
  const where = encodeURIComponent(repository).replaceAll("%2F", "/").replaceAll("%3A", ":");
  return `pkg:oci/${name}@${version}?repository_url=${where}&tag=${encodeURIComponent(tag)}`;
}
