import { CtxPackError } from "@ctxpack/identity";
import type { PolicyTrustRoot, TrustRootStatus } from "@ctxpack/proof";
import type { Session } from "../session.ts";
import { readConfiguredLock, withoutPolicy } from "../trust/in-force.ts";
import type { Finding } from "./finding.ts";

/** Which policies and lock files are in force, whether they can be read, and how old the trust roots are that they need. */
export async function checkTrust(session: Session, signal: AbortSignal): Promise<Finding[]> {
  const { policies, locks } = session.config;
  if (policies.length + locks.length === 0) return [];
  const { policyMaterial, readPolicy } = await import("@ctxpack/proof");
  const findings: Finding[] = [];
  const needed = new Map<string, PolicyTrustRoot>();
  for (const file of policies) {
    try {
      const policy = await readPolicy(file, { signal });
      const { trustRoots } = policyMaterial([policy]);
      for (const root of trustRoots) needed.set(root.id, root);
      findings.push({ area: "trust", subject: file, state: "ok", message: "in force" });
    } catch (error) {
      signal.throwIfAborted();
      findings.push(problem(file, error));
    }
  }
  for (const file of locks) {
    try {
      if (policies.length === 0) throw withoutPolicy(file);
      const { size } = (await readConfiguredLock(file, signal)).packs;
      const message = `in force: pins ${size} ${size === 1 ? "pack" : "packs"}`;
      findings.push({ area: "trust", subject: file, state: "ok", message });
    } catch (error) {
      signal.throwIfAborted();
      findings.push(problem(file, error));
    }
  }
  return [...findings, ...(await checkRoots(session, [...needed.values()], signal))];
}

function problem(subject: string, error: unknown): Finding {
  if (!CtxPackError.isInstance(error)) throw error;
  const { message, hint, code } = error;
  const about = { area: "trust", subject, state: "problem" } as const;
  return { ...about, message, code, ...(hint !== undefined && { hint }) };
}

async function checkRoots(
  session: Session,
  named: readonly PolicyTrustRoot[],
  signal: AbortSignal,
): Promise<Finding[]> {
  if (named.length === 0) return [];
  const { trustDirectory, trustRootStatuses } = await import("@ctxpack/proof");
  const { workspace, offline } = session.config;
  const directory = trustDirectory({ env: session.env, workspace });
  const statuses = await trustRootStatuses(named, { directory, offline, signal });
  return statuses.map((status) => rootFinding(status, offline));
}

/** What is worth a word of a trust root that is kept on disk. */
export function rootFinding(
  { mirror, state, fetchedAt, hardExpiresAt }: TrustRootStatus,
  offline: boolean,
): Finding {
  const about = { area: "trust", subject: mirror } as const;
  const times = [
    ...(fetchedAt ? [`fetched ${fetchedAt.toISOString()}`] : []),
    ...(hardExpiresAt ? [`expires ${hardExpiresAt.toISOString()}`] : []),
  ];
  const message = [`trust root ${state}`, ...times].join(", ");
  // One that has expired is renewed when it is needed, which takes a network.
  const isLost = state === "corrupt" || (offline && (state === "absent" || state === "expired"));
  if (!isLost) return { ...about, state: "ok", message };
  const hint = offline
    ? "verify once with a network: the trust root is then kept"
    : "nothing to do: it is got again when it is needed";
  return { ...about, state: "warning", message, hint };
}
