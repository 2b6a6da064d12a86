import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { expect, it } from "vitest";
import { serve } from "../../src/hash/serve.ts";
import type { Answer } from "../../src/hash/threads.ts";
import { workplace } from "../workplace.ts";

const place = workplace();

it("answers with a digest, or that there is none", async () => {
  const dir = await place();
  writeFileSync(join(dir, "a"), "");
  const { port1, port2 } = new MessageChannel();
  serve(port2);
  const ask = async (name: string) => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    port1.on("message", (answer: Answer) => "found" in answer && resolve(answer));
    port1.postMessage(join(dir, name));
    return await promise;
  };
  expect(await ask("none")).toEqual({ found: undefined });
  port1.removeAllListeners("message");
  expect(await ask("a")).toEqual({
    found: {
      digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      size: 0,
    },
  });
  port1.close();
});
