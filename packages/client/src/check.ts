import type { CheckReport, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import { admissionOf } from "./admission.ts";
import { askPantries } from "./find.ts";
import type { FoundPack } from "./pantry.ts";
import type { Session } from "./session.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

export interface CheckStoreOptions extends WorkOptions {
  /** Hash every blob and every materialised file. */
  readonly deep?: boolean | undefined;
  /** Put right what can be, with what pantries have. */
  readonly repair?: boolean | undefined;
  /** The pantry to fetch from; the configured ones in order when absent. */
  readonly from?: string | undefined;
}

/** Looks for damage in the store, and with `repair` puts it right. */
export async function checkStore(
  session: Session,
  options: CheckStoreOptions,
): Promise<CheckReport> {
  const work = workOf(options);
  const store = await session.store(work.signal);
  const { deep, repair, from } = options;
  return await store.check({
    deep,
    repair,
    ...work,
    refetch: (uri, { tree }) => bringAgain(session, store, { uri, tree, from }, work),
  });
}

interface Wanted {
  readonly uri: CtxUri;
  readonly tree: Digest | undefined;
  readonly from: string | undefined;
}

/** Takes a pack from the first pantry that has this output of it, as a pull would. */
async function bringAgain(
  session: Session,
  store: Store,
  { uri, tree, from }: Wanted,
  work: Work,
): Promise<string | undefined> {
  let failure: CtxPackError | undefined;
  for await (const { found } of askPantries(session, uri, from, work)) {
    // Another output would change what people were given under this URI.
    if (!found || (tree !== undefined && found.manifest.tree !== tree)) continue;
    try {
      await admit(session, store, found, work);
      return found.address;
    } catch (error) {
      work.signal.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
      // It may be damaged there too, and whole in the next one.
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return undefined;
}

async function admit(session: Session, store: Store, found: FoundPack, work: Work): Promise<void> {
  await store.admit(found.uri, admissionOf(session, found, work));
}
