import type { IndexReader } from "@ctxpack/cache/pack";
import { CtxPackError } from "@ctxpack/identity";
import { admissionOf } from "./admission.ts";
import { findReadable, requireSameOutput } from "./find.ts";
import type { FromOptions } from "./inspect.ts";
import { describeRemote } from "./remote-pack.ts";
import type { Session } from "./session.ts";
import { workOf } from "./work.ts";

/** The bytes of one file of a pack; links are followed. From a pantry only the segments it lies in are fetched. */
export async function* cat(
  session: Session,
  text: string,
  path: string,
  options: FromOptions,
): AsyncIterable<Uint8Array> {
  const work = workOf(options);
  const store = await session.store(work.signal);
  const location = await findReadable(session, text, options, work);
  if (location.kind === "legacy") {
    const { LegacyPack } = await import("./legacy/pack.ts");
    await using pack = await LegacyPack.open(session, location.found, work);
    yield* pack.read(path, work.signal);
    return;
  }
  if (location.kind === "pantry") {
    const { found } = location;
    const record = await store.get(location.uri);
    if (record) requireSameOutput(record, found);
    const { index } = await describeRemote(session, found, work.signal);
    const wanted = contentOf(index, path);
    await store.admit(location.uri, {
      ...admissionOf(session, found, work),
      only: wanted,
    });
  }
  yield* store.read(location.uri, path, { signal: work.signal });
}

/** Selects the file that `path` leads to. */
function contentOf(index: IndexReader, path: string): (entry: string) => boolean {
  const file = index.findFile(path);
  if (file) return (entry) => entry === file.path;
  throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `the pack has no file "${path}"`, {
    hint: "ctxpack ls lists the files of a pack",
    details: { path },
  });
}
