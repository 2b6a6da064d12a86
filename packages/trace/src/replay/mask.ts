import { canonicalize, type JsonValue, sha256 } from "@ctxpack/identity";
import { Redactor } from "../redact/redactor.ts";
import type { ReplayValue } from "./report.ts";

const SHOWN = 256;
const numbered = /\[redacted:([a-z-]+):[0-9]+\]/g;

/**
 * Text as it is compared: a record has placeholders where secrets were, a live call has the secrets. The numbers of
 * placeholders depend on what came before, so only the kind of a secret is compared.
 */
export function masked(text: string): string {
  return unnumbered(new Redactor().text(text.toWellFormed()));
}

/** Canonical text of a value as it is compared; see {@link masked}. */
export function maskedValue(value: JsonValue): string {
  return unnumbered(canonicalize(new Redactor().value(value)));
}

/** How a report shows a text. */
export function shown(text: string): ReplayValue {
  const safe = masked(text);
  const bytes = new TextEncoder().encode(safe);
  return {
    digest: sha256(bytes),
    size: bytes.length,
    text: safe.slice(0, SHOWN).toWellFormed(),
  };
}

function unnumbered(text: string): string {
  return text.replaceAll(numbered, "[redacted:$1]");
}
