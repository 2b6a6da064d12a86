// For the tests: OpenAI's `POST /embeddings` on this machine, with `hashed-words` for a model.
import { text } from "node:stream/consumers";
import { type Listening, listen } from "@ctxpack/test-tools";
import { hashedWords } from "./hashed-words.ts";

/** What a client asked for. */
export interface AskedEmbeddings {
  readonly authorization: string | undefined;
  readonly body: { readonly model: string; readonly input: string[]; readonly dimensions?: number };
}

export interface EmbeddingsServer extends AsyncDisposable {
  /** What OPENAI_BASE_URL is to be. */
  readonly baseUrl: string;
  readonly asked: AskedEmbeddings[];
}

/** With `size` a model of that size only, which refuses to be told one. */
export async function startEmbeddingsServer(size?: number): Promise<EmbeddingsServer> {
  const asked: AskedEmbeddings[] = [];
  const server: Listening = await listen(async (request, response) => {
    const body: AskedEmbeddings["body"] = JSON.parse(await text(request));
    if (request.method !== "POST" || request.url !== "/v1/embeddings") {
      response.writeHead(404).end();
      return;
    }
    asked.push({ authorization: request.headers.authorization, body });
    if (size !== undefined && body.dimensions !== undefined) {
      response.writeHead(400).end('{"error":{"message":"dimensions are not supported"}}');
      return;
    }
    // In an order of its own: `index` says which is which.
    const data = body.input
      .map((one, index) => ({
        object: "embedding",
        index,
        embedding: [...hashedWords(one, size ?? body.dimensions ?? 1536)],
      }))
      .reverse();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ object: "list", model: body.model, data }));
  });
  return {
    baseUrl: `${server.origin}/v1`,
    asked,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
