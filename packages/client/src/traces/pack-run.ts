import type { PackRecord } from "@ctxpack/cache";
import type { CtxUri } from "@ctxpack/identity";
import type { PackedRun, RunHead, RunPart } from "@ctxpack/trace";
import type { Session } from "../session.ts";
import { isUnrecorded, keepStatement } from "../trust/made-here.ts";
import { runStatement } from "../trust/run-making.ts";
import type { Work } from "../work.ts";

/** A run that is a pack of the store now. */
export interface PackedTrace {
  readonly uri: CtxUri;
  readonly record: PackRecord;
  /** False when the store had it already. */
  readonly created: boolean;
  readonly head: RunHead;
  /** Distinct secrets that were replaced, and how often. */
  readonly redacted: PackedRun["redacted"];
}

/** Puts a run into the store while its parts arrive. Throws what reading the parts throws. */
export async function packParts(
  session: Session,
  parts: AsyncIterable<RunPart>,
  options: { readonly name?: string | undefined },
  work: Work,
): Promise<PackedTrace> {
  const { packRun, writeRunFolder } = await import("@ctxpack/trace");
  const store = await session.store(work.signal);
  using scratch = store.scratch();
  const { signal } = work;
  const { config, head, redacted } = await writeRunFolder(
    packRun(parts, { signal }),
    scratch.path,
    { signal },
  );
  const name = options.name ?? head.name;
  const { record, created } = await store.seed(scratch.path, config, {
    ...work,
    ...(name !== undefined && { name }),
  });
  if (created || (await isUnrecorded(store, record))) {
    await keepStatement(
      { session, store, record, created },
      () => runStatement(session, store, { record, run: head }),
      signal,
    );
  }
  return { uri: record.uri, record, created, head, redacted };
}
