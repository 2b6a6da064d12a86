import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { checkWritable, pantryToWrite } from "../pantry.ts";
import type { IdentifyOptions } from "../resolve.ts";
import type { Session } from "../session.ts";

/** What may be done with a place: look, put in, both, neither. */
export type Access = "none" | "r" | "w" | "rw";

/** What may be done with the store and with pantries; both `rw` unless said. */
export interface CacheAccess {
  readonly local?: Access | undefined;
  readonly remote?: Access | undefined;
}

/** What a person may want to hear while they wait. */
export type GetEvent =
  /** Nobody has it; `reason` is a few lines. */
  | { readonly kind: "miss"; readonly uri: CtxUri; readonly reason: string }
  /** Another process computes it: what it stores will be used. */
  | { readonly kind: "waiting"; readonly uri: CtxUri; readonly pid: number };

/** How a result is got, or computed and kept. */
export interface GetOptions extends IdentifyOptions {
  /** Never compute: a miss is CTXPACK_E_NOT_FOUND. */
  readonly frozen?: boolean | undefined;
  /** Compute although there is a result; another output takes the place of the store's. */
  readonly force?: boolean | undefined;
  readonly cache?: CacheAccess | undefined;
  /** A pantry that fails is an error; otherwise it is one warning. */
  readonly requireRemote?: boolean | undefined;
  /** Send the result to a pantry, too. */
  readonly push?: boolean | undefined;
  /** Where to: the first configured pantry when absent. */
  readonly to?: string | undefined;
  /** What a result is that the policy refuses: an error (CTXPACK_E_POLICY) unless `miss`. */
  readonly onUntrusted?: "fail" | "miss" | undefined;
  /** JSON pointers of values that look like secrets and are none. */
  readonly allowSecret?: readonly string[] | undefined;
  /** Ten times as many, smaller segments. */
  readonly fine?: boolean | undefined;
  readonly onEvent?: ((event: GetEvent) => void) | undefined;
}

/** The same, as it was found to make sense. */
export interface Mode {
  readonly readLocal: boolean;
  readonly writeLocal: boolean;
  readonly readRemote: boolean;
  readonly push: boolean;
}

/** Throws CTXPACK_E_USAGE for options that do not go together, before anything is computed. */
export function modeOf(session: Session, options: GetOptions): Mode {
  const { frozen, force, push = false, to, requireRemote, cache = {} } = options;
  const { local = "rw", remote = isPullRequest(session) ? "r" : "rw" } = cache;
  if (frozen && force) throw contradiction("frozen", "force");
  if (to !== undefined && !push) {
    throw new CtxPackError("CTXPACK_E_USAGE", "--to says where to push, and --push is missing");
  }
  const readRemote = remote.includes("r");
  if (requireRemote && (!(readRemote || push) || session.config.pantries.length === 0)) {
    throw new CtxPackError("CTXPACK_E_USAGE", "--require-remote, and no pantry is used", {
      hint: "ctxpack remote add names one",
    });
  }
  const mode = { readLocal: local.includes("r"), writeLocal: local.includes("w"), readRemote };
  if (!push) return { ...mode, push };
  if (!remote.includes("w")) {
    if (cache.remote !== undefined) throw contradiction("push", `cache remote:${remote}`);
    // Whoever may open a pull request must not decide what others are served.
    session.warn("not pushed: a pull request reads pantries only; --cache remote:rw overrules");
    return { ...mode, push: false };
  }
  checkWritable(session, pantryToWrite(session, to));
  return { ...mode, push };
}

/** Whether this is a job of GitHub Actions for a pull request. */
function isPullRequest({ env }: Session): boolean {
  const { GITHUB_ACTIONS, GITHUB_EVENT_NAME } = env;
  return GITHUB_ACTIONS === "true" && GITHUB_EVENT_NAME?.startsWith("pull_request") === true;
}

function contradiction(a: string, b: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", `--${a} and --${b} do not go together`);
}
