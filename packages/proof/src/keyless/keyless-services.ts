import { CtxPackError } from "@ctxpack/identity";
import type { MetricsSink } from "../metrics.ts";
import type { Signer, Witness } from "../sign/signer.ts";
import type { IdentityProvider } from "./identity-provider.ts";
import { keylessSigner } from "./keyless-signer.ts";
import { rekorV1Witness } from "./rekor-v1.ts";
import { rekorV2Witness } from "./rekor-v2.ts";
import type { ListedService, ServiceChoice, SigningConfig } from "./signing-config.ts";
import { tsaWitness } from "./timestamp.ts";

export interface KeylessServicesOptions {
  readonly identity: IdentityProvider;
  /** Default: Fulcio, Rekor v1 and the timestamping authority that are there for everybody. */
  readonly config?: SigningConfig | undefined;
  readonly metrics?: MetricsSink | undefined;
}

/** What `signStatement` needs. */
export interface KeylessServices {
  readonly signer: Signer;
  readonly witnesses: readonly Witness[];
}

/**
 * Signer and witnesses as a signing configuration says: of each operator one service, the highest API version that we speak,
 * in use now, the newest; then any one, all, or exactly so many of them. Without a configuration the public ones.
 *
 * @throws CtxPackError `CTXPACK_E_CONFIG` when the configuration has too few services that can be used, or none that vouches
 *   for the time.
 */
export function keylessServices(options: KeylessServicesOptions): KeylessServices {
  const { identity, config, metrics } = options;
  if (config === undefined) {
    return {
      signer: keylessSigner({ identity, metrics }),
      witnesses: [rekorV1Witness({ metrics }), tsaWitness({ metrics })],
    };
  }
  const any = { selector: "ANY", count: 1 } as const;
  const authorities = config.certificateAuthorities;
  const [fulcio] = choose(authorities, any, [1], new Date(), "certificate authorities");
  return {
    signer: keylessSigner({ identity, fulcioUrl: fulcio?.url, metrics }),
    witnesses: configuredWitnesses(config, { metrics }),
  };
}

/**
 * The logs and timestamping authorities of a signing configuration, chosen as {@link keylessServices} says: also those who
 * sign with a key may have it seen, and when.
 *
 * @throws CtxPackError `CTXPACK_E_CONFIG` as `keylessServices`.
 */
export function configuredWitnesses(
  config: SigningConfig,
  { metrics }: { readonly metrics?: MetricsSink | undefined } = {},
): readonly Witness[] {
  const now = new Date();
  const logs = optional(config.logs, () =>
    choose(config.logs, config.logChoice, [1, 2], now, "logs"),
  );
  const authorities = optional(config.timestampAuthorities, () =>
    choose(config.timestampAuthorities, config.timestampChoice, [1], now, "timestamp authorities"),
  );
  if (authorities.length === 0 && !logs.some(({ apiVersion }) => apiVersion === 1)) {
    throw refused(
      "has no service that vouches for the time: a timestamping authority, or Rekor v1",
    );
  }
  return [
    ...logs.map(({ url, apiVersion }) =>
      apiVersion === 1 ? rekorV1Witness({ url, metrics }) : rekorV2Witness({ url, metrics }),
    ),
    ...authorities.map(({ url }) => tsaWitness({ url, metrics })),
  ];
}

/** What is not listed is not asked; what is listed has to have one that can be used. */
function optional(
  listed: readonly ListedService[],
  chosen: () => ListedService[],
): ListedService[] {
  return listed.length === 0 ? [] : chosen();
}

function choose(
  listed: readonly ListedService[],
  choice: ServiceChoice,
  versions: readonly number[],
  now: Date,
  what: string,
): ListedService[] {
  const best = new Map<string, ListedService>();
  for (const service of listed) {
    if (!versions.includes(service.apiVersion) || !isInUse(service, now)) continue;
    const known = best.get(service.operator);
    if (known === undefined || isBetter(service, known)) best.set(service.operator, service);
  }
  const found = [...best.values()].sort((a, b) => b.apiVersion - a.apiVersion);
  const least = choice.selector === "EXACT" ? choice.count : 1;
  if (found.length < least) {
    throw refused(`has ${found.length} ${what} that can be used, ${least} are needed`);
  }
  return choice.selector === "ALL" ? found : found.slice(0, least);
}

function isInUse({ validFor: { start, end } }: ListedService, now: Date): boolean {
  return (start === undefined || start <= now) && (end === undefined || now <= end);
}

/** Of two that are as good the one that is listed first stays. */
function isBetter(service: ListedService, known: ListedService): boolean {
  if (service.apiVersion !== known.apiVersion) return service.apiVersion > known.apiVersion;
  const start = ({ validFor }: ListedService): number => validFor.start?.getTime() ?? 0;
  return start(service) > start(known);
}

function refused(what: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_CONFIG", `the signing configuration ${what}`, {
    hint: "get a newer signing_config.v0.2.json, or name the services yourself",
  });
}
