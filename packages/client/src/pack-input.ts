import type { PackOutputs } from "@ctxpack/identity";
import { findPack } from "./find.ts";
import { describeRemote } from "./remote-pack.ts";
import type { Session } from "./session.ts";
import { workOf } from "./work.ts";

/**
 * Outputs of packs as inputs of contracts: the store's, else those of the first pantry that is believed, from the index
 * alone.
 */
export function packOutputs(session: Session): PackOutputs {
  return {
    async lines(uri, options) {
      const work = workOf(options);
      const location = await findPack(session, uri, { believed: true }, work);
      if (location.kind === "pantry") {
        return (await describeRemote(session, location.found, work.signal)).index.outputFiles();
      }
      const store = await session.store(work.signal);
      return (await store.index(uri, { signal: work.signal })).outputFiles();
    },
  };
}
