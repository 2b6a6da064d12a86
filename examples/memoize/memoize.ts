// A function that remembers, here and wherever its pantry can be reached:
//   node examples/memoize/memoize.ts
import { CtxPack } from "@ctxpack/client";
import { embed } from "../pipeline/embed.ts";
import { expectThat, inWorkplace } from "../workplace.ts";

await inWorkplace(async (cwd) => {
  let calls = 0;
  const model = async (text: string, { signal }: { signal: AbortSignal }): Promise<number[]> => {
    signal.throwIfAborted();
    calls += 1;
    return embed(text);
  };
  const identity = { name: "embed", version: "1", model: "bag-of-words-64" };
  const texts = ["Ask for the key.", "The desk is closed.", "Ask for the key."];

  await using here = await CtxPack.open({ cwd, cacheDir: "store", pantries: [] });
  const remembered = here.memoize(model, { ...identity, push: true, to: "oci:./pantry" });
  const vectors = await Promise.all(texts.map((text) => remembered(text)));
  expectThat(calls === 2, "two texts, three calls: the model was asked twice");

  await using elsewhere = await CtxPack.open({
    cwd,
    cacheDir: "other",
    pantries: ["oci:./pantry"],
  });
  const again = await elsewhere.memoize(model, identity)("Ask for the key.");
  expectThat(calls === 2, "another machine found it in the pantry");
  expectThat(JSON.stringify(again) === JSON.stringify(vectors[0]), "it is the same vector");

  await elsewhere.memoize(model, { ...identity, version: "2" })("Ask for the key.");
  expectThat(calls === 3, "another version is another result");
});
