import { sha256 } from "@ctxpack/identity";
import {
  type MetricsSink,
  type TrustMirror,
  TrustRootManager,
  type TrustRootManagerOptions,
} from "@ctxpack/proof";
import { type Sigstore, scratchFolder } from "@ctxpack/test-tools";
import { onTestFinished } from "vitest";

export function mirrorOf({ urls, tufRoot }: Pick<Sigstore, "urls" | "tufRoot">): TrustMirror {
  const root = new TextEncoder().encode(tufRoot);
  return { name: "mock", url: urls.tuf, root, rootDigest: sha256(root) };
}

/** A new trust directory. */
export function trustFolder(): string {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return folder.path;
}

/** A manager for the services' repository; what it counts goes into `counted`. */
export function managerOf(
  sigstore: Sigstore,
  directory: string,
  options: Partial<TrustRootManagerOptions> = {},
): TrustRootManager & { readonly counted: string[] } {
  const counted: string[] = [];
  const metrics: MetricsSink = {
    counter: (name, labels) =>
      counted.push([name.replace("proof_artifacts.", ""), labels?.["outcome"]].join(" ").trim()),
    histogram: (name, value) => value > 0 && counted.push(name.replace("proof_artifacts.", "")),
    gauge: () => {},
  };
  const manager = new TrustRootManager({
    directory,
    mirror: mirrorOf(sigstore),
    metrics,
    ...options,
  });
  onTestFinished(() => manager[Symbol.asyncDispose]());
  return Object.assign(manager, { counted });
}
