import { CtxPackError, type Digest } from "@ctxpack/identity";
import { isBlobDigest } from "./digest.ts";

/** A repository in a registry, and what in it: `host[:port]/name[:tag][@digest]`. */
export interface Reference {
  /** Host and port, in lower case. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  /** Wins over the tag where both are given. */
  readonly digest?: Digest;
}

/** Where packs are read from or written to, as written on a command line. */
export type TargetName =
  | { readonly kind: "layout"; readonly dir: string; readonly tag?: string }
  | { readonly kind: "archive"; readonly file: string; readonly tag?: string }
  | { readonly kind: "registry"; readonly reference: Reference };

const tagGrammar = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const nameGrammar = new RegExp(`^${component}(?:/${component})*$`);
const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const hostGrammar = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:.]+\\])(?::[0-9]{1,5})?$`);

/** Whether `text` may be a tag (distribution-spec): ≤ 128 of `A-Za-z0-9._-`, not starting with `.` or `-`. */
export function isTag(text: string): boolean {
  return tagGrammar.test(text);
}

/**
 * Parses `host[:port]/name[:tag][@digest]`. The host is required: nothing is assumed to be on a
 * public registry because a name was short. Throws CTXPACK_E_REFERENCE.
 */
export function parseReference(text: string): Reference {
  const slash = text.indexOf("/");
  const registry = text.slice(0, Math.max(slash, 0)).toLowerCase();
  if (!isHost(registry)) {
    throw refuse(text, "it does not start with a host", "write host/name, e.g. ghcr.io/acme/packs");
  }
  const { rest, digest } = splitAtDigest(text.slice(slash + 1), text);
  const colon = rest.lastIndexOf(":");
  const repository = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (!nameGrammar.test(repository) || registry.length + 1 + repository.length > 255) {
    throw refuse(
      text,
      `${JSON.stringify(repository)} is not a repository name`,
      "use lower-case letters and digits, separated by `/`, `.`, `_` or `-`",
    );
  }
  if (tag !== undefined && !isTag(tag)) throw refuseTag(tag);
  return {
    registry,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/** Writes a reference the way `parseReference` reads it. */
export function formatReference(r: Reference): string {
  const tag = r.tag === undefined ? "" : `:${r.tag}`;
  const digest = r.digest === undefined ? "" : `@${r.digest}`;
  return `${r.registry}/${r.repository}${tag}${digest}`;
}

/**
 * Parses `oci:DIR[:tag]` (an image layout), `oci-archive:FILE[:tag]` or `host/name[:tag][@digest]`.
 * What follows the last colon of a path is a tag if it can be one. Throws CTXPACK_E_REFERENCE.
 */
export function parseTarget(text: string): TargetName {
  if (text.startsWith("oci:")) {
    const { path, tag } = splitAtTag(text, "oci:");
    return { kind: "layout", dir: path, ...(tag !== undefined && { tag }) };
  }
  if (text.startsWith("oci-archive:")) {
    const { path, tag } = splitAtTag(text, "oci-archive:");
    return { kind: "archive", file: path, ...(tag !== undefined && { tag }) };
  }
  if (/^[./~]/.test(text)) {
    throw refuse(text, "it is a path", `write oci:${text} for a directory`);
  }
  return { kind: "registry", reference: parseReference(text) };
}

/** Throws CTXPACK_E_REFERENCE unless `text` may be a tag. */
export function expectTag(text: string): void {
  if (!isTag(text)) throw refuseTag(text);
}

function isHost(host: string): boolean {
  if (!hostGrammar.test(host)) return false;
  return host === "localhost" || /[.:]/.test(host);
}

function splitAtDigest(rest: string, text: string): { rest: string; digest?: Digest } {
  const at = rest.indexOf("@");
  if (at < 0) return { rest };
  const digest = rest.slice(at + 1);
  if (!isBlobDigest(digest)) {
    throw refuse(
      text,
      `${JSON.stringify(digest)} is not a digest`,
      "write it as @sha256:<64 lower-case hex digits>",
    );
  }
  return { rest: rest.slice(0, at), digest: digest as Digest };
}

function splitAtTag(text: string, scheme: string): { path: string; tag?: string } {
  const path = text.slice(scheme.length);
  const colon = path.lastIndexOf(":");
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  const split = tag !== undefined && isTag(tag) ? { path: path.slice(0, colon), tag } : { path };
  if (split.path === "" || split.path.includes("\0")) {
    throw refuse(text, "it names no path", `write ${scheme}./path`);
  }
  return split;
}

function refuseTag(tag: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_REFERENCE",
    `${JSON.stringify(tag.slice(0, 160))} is not a tag`,
    { hint: "a tag is 1 to 128 of A-Z a-z 0-9 _ . - and does not start with . or -" },
  );
}

function refuse(text: string, why: string, hint: string): CtxPackError {
  const shown = JSON.stringify(text.slice(0, 160));
  return new CtxPackError("CTXPACK_E_REFERENCE", `${shown} is not a reference: ${why}`, { hint });
}
