import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { Fields, type FieldsPlace } from "../bundle/fields.ts";
import { serviceUrl } from "../http/service-url.ts";
import { parseWindow, type ValidityWindow } from "../trust/trust-root.ts";

/** The only version of the format there is a client for. */
const MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/** A larger file is none. */
const LIMIT = 1 << 20;

/** One service that a signing configuration lists. */
export interface ListedService {
  readonly url: string;
  readonly apiVersion: number;
  readonly validFor: ValidityWindow;
  readonly operator: string;
}

/** How many of the services, each of another operator, are asked. */
export interface ServiceChoice {
  readonly selector: "ANY" | "ALL" | "EXACT";
  /** For `EXACT`. */
  readonly count: number;
}

/** Where to have signatures certified, logged and timestamped (sigstore SigningConfig v0.2). */
export interface SigningConfig {
  readonly certificateAuthorities: readonly ListedService[];
  readonly logs: readonly ListedService[];
  readonly logChoice: ServiceChoice;
  readonly timestampAuthorities: readonly ListedService[];
  readonly timestampChoice: ServiceChoice;
}

/**
 * Reads a `signing_config.v0.2.json`. `where` names the file.
 *
 * @throws CtxPackError `CTXPACK_E_CONFIG`, naming the member: for another version, an unknown member, a URL that is not https.
 */
export function parseSigningConfig(bytes: Uint8Array, where: string): SigningConfig {
  const place: FieldsPlace = { code: "CTXPACK_E_CONFIG", path: where };
  if (bytes.length > LIMIT) {
    throw new CtxPackError(place.code, `${where} has more than ${LIMIT} bytes`);
  }
  const config = new Fields(parseJson(bytes, { code: place.code, where }), place, [
    "mediaType",
    "caUrls",
    "oidcUrls",
    "rekorTlogUrls",
    "rekorTlogConfig",
    "tsaUrls",
    "tsaConfig",
  ]);
  if (config.text("mediaType") !== MEDIA_TYPE) config.fail("mediaType", `is not ${MEDIA_TYPE}`);
  listed(config, "oidcUrls");
  return {
    certificateAuthorities: listed(config, "caUrls"),
    logs: listed(config, "rekorTlogUrls"),
    logChoice: choiceOf(config, "rekorTlogConfig"),
    timestampAuthorities: listed(config, "tsaUrls"),
    timestampChoice: choiceOf(config, "tsaConfig"),
  };
}

function listed(config: Fields, name: string): ListedService[] {
  return config.list(name).map((value, index) => {
    const members = ["url", "majorApiVersion", "validFor", "operator"];
    const fields = new Fields(value, config.place(name, index), members);
    const url = fields.text("url");
    serviceUrl(url, config.place(name, index).path);
    const apiVersion = Number(fields.int64("majorApiVersion"));
    return { url, apiVersion, validFor: parseWindow(fields), operator: fields.text("operator") };
  });
}

function choiceOf(config: Fields, name: string): ServiceChoice {
  const fields = config.message(name, ["selector", "count"]);
  const selector = fields?.text("selector") || "ANY";
  const count = Number(fields?.int64("count") ?? "0");
  if (selector !== "ANY" && selector !== "ALL" && selector !== "EXACT") {
    config.fail(name, `has the selector ${JSON.stringify(selector.slice(0, 40))}`);
  }
  if (selector === "EXACT" && count < 1) config.fail(name, "asks for exactly no service");
  return { selector, count };
}
