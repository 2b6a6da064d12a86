import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";
import { describeUrl } from "./address.ts";
import { printable } from "./printable.ts";
import type { RegistryResponse } from "./response.ts";
import { isRetryableStatus, parseRetryAfter } from "./retry.ts";

/** One entry of a registry's error body (distribution-spec, "Error Codes"). */
interface RegistryFault {
  readonly code: string;
  readonly message: string;
}

const BODY_LIMIT = 8 << 10;
const TEXT_LIMIT = 300;

/** What a request was for, for the message and the hint. */
export interface Purpose {
  readonly method: string;
  readonly host: string;
  readonly repository?: string | undefined;
  /** "push", "pull" or "delete", as scopes say it. */
  readonly right?: string | undefined;
}

/** Reads the body of an answer that is no success, and says what it means. */
export async function registryError(
  response: RegistryResponse,
  purpose: Purpose,
): Promise<CtxPackError> {
  const body = await response.excerpt(BODY_LIMIT);
  const faults = parseFaults(body);
  const { status } = response;
  const url = describeUrl(response.url);
  const said = faults.length > 0 ? describeFaults(faults) : describeText(body, response);
  const code = codeOf(status, faults);
  const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"), Date.now());
  const message = `${purpose.method} ${url}: ${status}${said === "" ? "" : ` ${said}`}`;
  return new CtxPackError(code, message, {
    hint: hintOf(status, faults, purpose, response.foreign),
    details: {
      method: purpose.method,
      url,
      status,
      errors: faults,
      ...(response.foreign && { foreign: true }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  });
}

/** The HTTP status an error was made from. */
export function statusOf(error: unknown): number | undefined {
  if (!CtxPackError.isInstance(error)) return undefined;
  const { status } = error.details;
  return typeof status === "number" ? status : undefined;
}

/** Whether a registry gave one of these codes as its reason. */
export function hasFault(error: unknown, ...codes: readonly string[]): boolean {
  if (!CtxPackError.isInstance(error)) return false;
  const { errors } = error.details;
  return Array.isArray(errors) && errors.some((fault) => codes.includes(fault.code));
}

/** The entries of an error body; none when it is something else (HTML of a proxy, nothing). */
export function parseFaults(body: Uint8Array): RegistryFault[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return [];
  }
  const errors = (value as { errors?: unknown } | null)?.errors;
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 8).flatMap((entry: unknown) => {
    const { code, message } = (entry ?? {}) as Record<string, unknown>;
    if (typeof code !== "string" && typeof message !== "string") return [];
    return [
      {
        code: printable(String(code ?? "UNKNOWN"), TEXT_LIMIT),
        message: printable(String(message ?? ""), TEXT_LIMIT),
      },
    ];
  });
}

/** What it will not take, however often it is asked. */
const REFUSALS: readonly string[] = [
  "UNSUPPORTED",
  "MANIFEST_INVALID",
  "NAME_INVALID",
  "TAG_INVALID",
  "SIZE_INVALID",
];

function codeOf(status: number, faults: readonly RegistryFault[]): CtxPackErrorCode {
  const says = (...codes: readonly string[]): boolean =>
    faults.some(({ code }) => codes.includes(code));
  if (status === 401 || status === 403 || says("UNAUTHORIZED", "DENIED")) return "CTXPACK_E_AUTH";
  if (status === 404) return "CTXPACK_E_NOT_FOUND";
  if (isRetryableStatus(status) || status >= 500 || says("TOOMANYREQUESTS")) {
    return "CTXPACK_E_UNAVAILABLE";
  }
  if ([405, 413, 415, 422].includes(status) || says(...REFUSALS)) return "CTXPACK_E_UNSUPPORTED";
  return "CTXPACK_E_PROTOCOL";
}

function hintOf(
  status: number,
  faults: readonly RegistryFault[],
  { host, repository, right }: Purpose,
  foreign: boolean,
): string | undefined {
  if (foreign) return "the storage that the registry sent us to refuses; try again";
  const where = repository === undefined ? host : `${host}/${repository}`;
  switch (status) {
    case 401:
      return `ctxpack login ${host}`;
    case 403:
      return (
        `the account may not ${right ?? "do that"} there: ask the owner of ${where} for the right, ` +
        `or ctxpack login ${host} with another account`
      );
    case 404:
      return faults.some(({ code }) => code === "NAME_UNKNOWN")
        ? `there is no repository ${where}; some registries want it created first`
        : undefined;
    case 413:
      return "the registry, or a proxy before it, takes no bodies of that size: raise its limit";
    case 429:
      return "the registry limits how often it is asked: try again later, or log in";
    default:
      return status >= 500 ? "the registry is in trouble: try again later" : undefined;
  }
}

function describeFaults(faults: readonly RegistryFault[]): string {
  return faults
    .map(({ code, message }) => (message === "" ? code : `${code}: ${message}`))
    .join("; ")
    .slice(0, TEXT_LIMIT);
}

/** What a proxy says in HTML is not for people; plain text is. */
function describeText(body: Uint8Array, response: RegistryResponse): string {
  const type = response.headers.contentType ?? "";
  if (type.includes("html"))
    return "(a web page: a proxy or login page stands before the registry)";
  const text = new TextDecoder().decode(body).trim();
  return text.startsWith("<") || text.startsWith("{") ? "" : printable(text, TEXT_LIMIT);
}
