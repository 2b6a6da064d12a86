import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { endProcess } from "../processes.ts";
import type { FulcioMood } from "./authority.ts";
import type { AskedRequest, SigstoreFault, SigstoreService } from "./faults.ts";
import type { Publication } from "./tuf-repository.ts";

/** What is known of the services once they run. */
export interface SigstoreFacts {
  readonly urls: Readonly<Record<SigstoreService, string>>;
  /** The trusted_root.json that verifies what they make. */
  readonly trustedRoot: string;
  /** The signing_config.json that finds them: Fulcio, Rekor v1, the timestamping authority. */
  readonly signingConfig: string;
  /** The first root of the TUF repository. */
  readonly tufRoot: string;
}

/** What the process of the services is asked to do. */
export interface Call {
  readonly id: number;
  readonly name:
    | "fault"
    | "requests"
    | "fulcioMood"
    | "tsaAhead"
    | "publish"
    | "rotateRoot"
    | "rollBack"
    | "damage";
  readonly args: readonly unknown[];
}

/** Fulcio with its certificate log, a timestamping authority, Rekor v1 and v2, a TUF repository, GitHub's identity provider. */
export interface Sigstore extends SigstoreFacts, AsyncDisposable {
  /** What becomes of the next requests to a service, one after the other; `null` is nothing. Replaces what was said before. */
  fault(service: SigstoreService, ...faults: (SigstoreFault | null)[]): Promise<void>;
  /** What a service was asked since the last time. */
  requests(service: SigstoreService): Promise<readonly AskedRequest[]>;
  fulcioMood(mood: FulcioMood): Promise<void>;
  /** Whether the timestamping authority's clock is an hour ahead. */
  tsaAhead(ahead: boolean): Promise<void>;
  /** Publishes a new version in the TUF repository. */
  publish(publication?: Publication): Promise<void>;
  /** A new TUF root with new keys; `unsigned`: not signed by the keys of the one before. */
  rotateRoot(options?: { readonly unsigned?: boolean }): Promise<void>;
  /** The TUF repository serves its first version again. */
  rollBack(): Promise<void>;
  /** Damages a file of the TUF repository: `timestamp.json`, `snapshot.json`, `targets.json`, `trusted_root.json`. */
  damage(file: string): Promise<void>;
}

/** Starts sigstore's services as a process of their own, on free loopback ports. */
export async function startSigstore(): Promise<Sigstore> {
  const program = fileURLToPath(new URL("server.ts", import.meta.url));
  const child = fork(program, [], { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [] });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const expect = (id: number): Promise<unknown> => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    return answer.promise;
  };
  child.on("message", (message) => {
    const { id, result, error } = message as { id: number; result?: unknown; error?: string };
    const answer = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) answer?.resolve(result);
    else answer?.reject(new Error(error));
  });
  child.on("exit", (code) => {
    for (const answer of waiting.values())
      answer.reject(new Error(`sigstore's services: exit ${code}`));
  });
  let last = 0;
  const call = <T>(name: Call["name"], ...args: unknown[]): Promise<T> => {
    const id = ++last;
    const answer = expect(id);
    child.send({ id, name, args });
    return answer as Promise<T>;
  };
  const facts = (await expect(0)) as SigstoreFacts;
  return {
    ...facts,
    fault: (service, ...faults) => call("fault", service, faults),
    requests: (service) => call("requests", service),
    fulcioMood: (mood) => call("fulcioMood", mood),
    tsaAhead: (ahead) => call("tsaAhead", ahead),
    publish: (publication = {}) => call("publish", publication),
    rotateRoot: (options = {}) => call("rotateRoot", options),
    rollBack: () => call("rollBack"),
    damage: (file) => call("damage", file),
    [Symbol.asyncDispose]: () => endProcess(child),
  };
}
