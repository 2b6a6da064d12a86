import { modelApiOf } from "./api.ts";
import { ExchangeWatch, MAX_REQUEST } from "./exchange.ts";
import type { RunRecorder } from "./recorder.ts";

type Fetch = typeof globalThis.fetch;

/**
 * A `fetch` for the clients of OpenAI and Anthropic (`new OpenAI({ fetch: recordFetch(recorder) })`): calls of models
 * are recorded, streamed answers too, everything else passes by. The client gets the answer as it came. Headers, and so
 * credentials, are never recorded.
 */
export function recordFetch(recorder: RunRecorder, fetch: Fetch = globalThis.fetch): Fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : "GET");
    const api = modelApiOf(method.toUpperCase(), url);
    if (api === undefined) return await fetch(input, init);
    const watch = new ExchangeWatch(recorder, api, url);
    watch.request(await bodyText(input, init));
    let response: Response;
    try {
      response = await fetch(input, init);
    } catch (error) {
      watch.finish(messageOf(error));
      throw error;
    }
    watch.response(response.status, response.headers.get("content-type") ?? "");
    recorder.track(follow(watch, response.clone().body));
    return response;
  };
}

async function follow(watch: ExchangeWatch, body: Response["body"]): Promise<void> {
  try {
    for await (const chunk of body ?? []) watch.push(chunk);
    watch.finish();
  } catch (error) {
    // The client sees it as well.
    watch.finish(messageOf(error));
  }
}

/** The body of a request, without using it up; undefined when it is a stream, or too large. */
async function bodyText(
  input: Parameters<Fetch>[0],
  init: RequestInit | undefined,
): Promise<string | undefined> {
  const body = init?.body;
  if (typeof body === "string") return body.length > MAX_REQUEST ? undefined : body;
  if (body instanceof Uint8Array) {
    return body.length > MAX_REQUEST ? undefined : new TextDecoder().decode(body);
  }
  if (body !== undefined && body !== null) return undefined;
  if (!(input instanceof Request)) return undefined;
  const text = await input.clone().text();
  return text.length > MAX_REQUEST ? undefined : text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
