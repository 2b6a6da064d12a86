import { CtxPackError } from "@ctxpack/identity";
import { parseTarget, type Reference } from "@ctxpack/oci";
import type { PantryConfig } from "../config.ts";
import { openPantry } from "../pantry.ts";
import type { Session } from "../session.ts";
import type { Finding } from "./finding.ts";

/** Clocks further apart than this make tokens and certificates fail, in milliseconds. */
const SKEW_MS = 300_000;

/** Whether each pantry can be reached, who asks, and what may be done there. */
export async function checkPantries(session: Session, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const pantry of allPantries(session)) {
    const about = { area: "pantry", subject: pantry.address } as const;
    try {
      findings.push(...(await checkPantry(session, pantry, about, signal)));
    } catch (error) {
      signal.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
      findings.push(problem(about, "", error));
    }
  }
  return findings;
}

function allPantries({ config }: Session): PantryConfig[] {
  const seen = new Map([...config.pantries, ...config.named].map((one) => [one.address, one]));
  return [...seen.values()];
}

type About = Pick<Finding, "area" | "subject">;

async function checkPantry(
  session: Session,
  pantry: PantryConfig,
  about: About,
  signal: AbortSignal,
): Promise<Finding[]> {
  const name = parseTarget(pantry.address);
  if (name.kind === "registry") return checkRegistry(session, name.reference, about, signal);
  try {
    await openPantry(session, pantry, signal);
    return [{ ...about, state: "ok", message: "a folder that can be read" }];
  } catch (error) {
    const isAbsent = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PATH_NOT_FOUND";
    if (!isAbsent) throw error;
    return [{ ...about, state: "ok", message: "not there yet: the first push makes it" }];
  }
}

async function checkRegistry(
  session: Session,
  reference: Reference,
  about: About,
  signal: AbortSignal,
): Promise<Finding[]> {
  const host = reference.registry;
  const registry = await session.registries.registry(host);
  const started = performance.now();
  const ping = await registry.ping({ signal });
  const tookMs = Math.round(performance.now() - started);
  const through = ping.proxy === undefined ? "" : ` through the proxy ${ping.proxy}`;
  const findings: Finding[] = [
    { ...about, state: "ok", message: `reached at ${ping.url}${through} in ${tookMs} ms` },
  ];
  if (ping.url.startsWith("http:")) findings.push(unencrypted(about, host));
  if (ping.date !== undefined) findings.push(...clock(about, ping.date));
  const repository = registry.repository(reference.repository);
  const probe = await repository.probe({ signal });
  findings.push(credentials(about, host, ping, registry.credentialSource));
  const { pull, push, referrers } = probe;
  if (typeof pull !== "string") findings.push(problem(about, "pull: ", pull));
  else {
    const state = probe.exists ? "pull: yes" : "pull: yes, and nothing is there yet";
    findings.push({ ...about, state: "ok", message: state });
  }
  if (typeof push === "string") findings.push({ ...about, state: "ok", message: "push: yes" });
  else {
    // Who only reads needs no right to write.
    const { message, hint } = push;
    findings.push({
      ...about,
      state: "warning",
      message: `push: no. ${message}`,
      ...(hint !== undefined && { hint }),
    });
  }
  if (typeof referrers === "string") {
    const message =
      referrers === "api"
        ? "proofs are listed by the registry (referrers API)"
        : "proofs are listed under a tag: the registry has no referrers API";
    findings.push({ ...about, state: "ok", message });
  }
  const { maxLayers } = repository.profile;
  if (Number.isFinite(maxLayers)) {
    findings.push({
      ...about,
      state: "ok",
      message: `known to take at most ${maxLayers} segments in a pack`,
    });
  }
  findings.push(trust(session, about));
  return findings;
}

function unencrypted(about: About, host: string): Finding {
  const isLocal = /^(?:localhost|127\.|\[::1\])/.test(host);
  if (isLocal) return { ...about, state: "ok", message: "without encryption, on this machine" };
  return {
    ...about,
    state: "warning",
    message: "without encryption: whoever is in between reads the password",
    hint: 'remove "plainHttp" from its settings when it has a certificate',
  };
}

function clock(about: About, theirs: Date): Finding[] {
  const apartMs = Math.abs(Date.now() - theirs.getTime());
  if (apartMs < SKEW_MS) return [];
  return [
    {
      ...about,
      state: "warning",
      message: `its clock and this machine's are ${Math.round(apartMs / 60_000)} minutes apart`,
      hint: "set the clock: tokens and certificates are valid by it",
    },
  ];
}

function credentials(
  about: About,
  host: string,
  { authentication }: { readonly authentication: "none" | "basic" | "bearer" },
  source: string | undefined,
): Finding {
  if (authentication === "none") {
    return { ...about, state: "ok", message: "asks for no credentials" };
  }
  if (source !== undefined) {
    return { ...about, state: "ok", message: `credentials from ${source} (${authentication})` };
  }
  return {
    ...about,
    state: "warning",
    message: `wants credentials (${authentication}), and there are none for ${host}`,
    hint: `ctxpack login ${host}`,
  };
}

function trust(session: Session, about: About): Finding {
  const isTrusted = session.config.trusted.has(about.subject ?? "");
  return {
    ...about,
    state: "ok",
    message: isTrusted
      ? "its packs are taken unsigned"
      : "its packs count as results only if a policy accepts them",
  };
}

function problem(about: About, what: string, error: CtxPackError): Finding {
  const { message, hint, code } = error;
  return {
    ...about,
    state: "problem",
    message: `${what}${message}`,
    code,
    ...(hint !== undefined && { hint }),
  };
}
