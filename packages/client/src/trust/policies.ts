import { join } from "node:path";
import type { LoadedPolicy, OpenTrustRoots } from "@ctxpack/proof";
import type { Config } from "../config.ts";
import type { Session } from "../session.ts";
import type { Material } from "./evidence.ts";
import type { PolicyText } from "./given-signers.ts";
import { readPolicyFile } from "./policy-pin.ts";

/** A policy's file, or its text. */
export type PolicySource = string | PolicyText;

/** Policies that were read, and what signatures are held against for them. */
export class OpenPolicies implements AsyncDisposable {
  readonly policies: readonly LoadedPolicy[];
  readonly material: Material;
  readonly #roots: OpenTrustRoots | undefined;

  private constructor(
    policies: readonly LoadedPolicy[],
    material: Material,
    roots?: OpenTrustRoots,
  ) {
    this.policies = policies;
    this.material = material;
    this.#roots = roots;
  }

  /** Opens the trust roots that policies name. One that is not to be had is told where a verdict hangs on it. */
  static async open(
    policies: readonly LoadedPolicy[],
    settings: Pick<Session, "config" | "env" | "metrics">,
    signal: AbortSignal,
  ): Promise<OpenPolicies> {
    const { policyMaterial, openTrustRoots, trustDirectory } = await import("@ctxpack/proof");
    const { metrics } = settings;
    const { keys, trustRoots: named } = policyMaterial(policies);
    if (named.length === 0) {
      return new OpenPolicies(policies, { keys, trustRoots: [], unavailable: [], metrics });
    }
    const { offline, workspace } = settings.config;
    const directory = trustDirectory({ env: settings.env, workspace });
    const roots = await openTrustRoots(named, { directory, offline, metrics, signal });
    const { unavailable } = roots;
    const material = { keys, trustRoots: roots.roots, unavailable, metrics };
    return new OpenPolicies(policies, material, roots);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#roots?.[Symbol.asyncDispose]();
  }
}

/** Reads policies and the keys they name. Throws CTXPACK_E_CONFIG, _PATH_NOT_FOUND, _KEY_FILE. */
export async function readPolicies(
  sources: readonly PolicySource[],
  { policyPin }: Pick<Session, "policyPin">,
  signal: AbortSignal,
): Promise<readonly LoadedPolicy[]> {
  const proof = await import("@ctxpack/proof");
  return await Promise.all(
    sources.map((source) =>
      typeof source === "string"
        ? readPolicyFile(source, policyPin, signal)
        : proof.loadPolicy(proof.parsePolicy(source.text, source.file), { signal }),
    ),
  );
}

/** sha256 of each policy with the keys and roots that it pins; sorted. */
export function digestsOf(policies: readonly LoadedPolicy[]): readonly LoadedPolicy["digest"][] {
  return policies.map(({ digest }) => digest).sort();
}

/** Where is remembered what was accepted when. */
export function seenFile(config: Config): string {
  return join(config.cacheDir, "seen.db");
}
