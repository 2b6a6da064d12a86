import type { AdmitOptions } from "@ctxpack/cache";
import { readRunHead } from "./pack-config.ts";
import type { FoundPack } from "./pantry.ts";
import type { Session } from "./session.ts";
import type { Work } from "./work.ts";

type Admission = Omit<AdmitOptions, "only" | "folder" | "replace" | "name">;

/** What `Store.admit` has to know of a pack in a pantry: where its bytes are, and who decides whether it comes in. */
export function admissionOf(session: Session, found: FoundPack, work: Partial<Work>): Admission {
  return {
    source: found.source,
    manifest: found.descriptor,
    manifestBytes: found.bytes,
    accept: async (_manifest, _config, { signal = new AbortController().signal }) =>
      await session.gate?.judge(found, signal),
    readRun: readRunHead,
    origin: found.address,
    concurrency: session.concurrency(found.remote),
    ...work,
  };
}
