import { CtxPackError, type CtxPackErrorCode, type CtxUri } from "@ctxpack/identity";
import { admissionOf } from "../admission.ts";
import { lookUp, openPantry, pantryToWrite } from "../pantry.ts";
import { type PushResult, push } from "../push.ts";
import type { Session } from "../session.ts";
import { isRefusal } from "../trust/is-refusal.ts";
import type { Work } from "../work.ts";
import type { Circuit } from "./circuit.ts";
import type { GetOptions } from "./options.ts";

/** What became of a result on its way to a pantry. */
export interface Pushed {
  /** Absent when the pantry failed, or holds another output. */
  readonly pushed?: PushResult;
  /** The pantry whose other output the store holds now. */
  readonly kept?: string;
}

/** Errors that are about what was asked for, and no pantry's failure. */
const OURS: readonly CtxPackErrorCode[] = [
  "CTXPACK_E_SECRET",
  "CTXPACK_E_USAGE",
  "CTXPACK_E_CONFIG",
  "CTXPACK_E_CONFLICT",
  "CTXPACK_E_STORE_DAMAGED",
];

/**
 * Sends a result to a pantry. One URI, one output: where the pantry has another one that is believed, that one takes
 * the place of the store's, so that everybody builds on the same. Throws CTXPACK_E_CONFLICT when it is not believed.
 */
export async function pushResult(
  session: Session,
  uri: CtxUri,
  { circuit, options }: { readonly circuit: Circuit; readonly options: GetOptions },
  work: Work,
): Promise<Pushed> {
  const given = pantryToWrite(session, options.to);
  if (circuit.isOpen(given)) return {};
  try {
    return await pushOrKeep(session, uri, options, work);
  } catch (error) {
    work.signal.throwIfAborted();
    const isOurs = CtxPackError.isInstance(error) && OURS.includes(error.code);
    if (isOurs || isRefusal(error)) throw error;
    circuit.fail(given, error);
    return {};
  }
}

async function pushOrKeep(
  session: Session,
  uri: CtxUri,
  { to, allowSecret }: GetOptions,
  work: Work,
): Promise<Pushed> {
  try {
    return { pushed: await push(session, uri, { to, allowSecret, ...work }) };
  } catch (error) {
    if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_CONFLICT") throw error;
    return await keepTheirs(session, uri, to, error, work);
  }
}

async function keepTheirs(
  session: Session,
  uri: CtxUri,
  to: string | undefined,
  conflict: CtxPackError,
  work: Work,
): Promise<Pushed> {
  const pantry = await openPantry(session, pantryToWrite(session, to), work.signal);
  const found = await lookUp(pantry, uri, work.signal);
  if (!found || (!session.gate && !pantry.trusted)) throw conflict;
  const store = await session.store(work.signal);
  await store.admit(uri, {
    ...admissionOf(session, found, work),
    replace: true,
  });
  session.warn(`${conflict.message}; it is kept in place of this one`);
  return { kept: pantry.address };
}
