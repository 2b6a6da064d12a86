/** The APIs of models that are understood. */
export type ModelApi = "openai-chat" | "openai-responses" | "anthropic-messages";

/** The API that a request is for, told by its path; undefined for what is no call of a model. */
export function modelApiOf(method: string, url: URL): ModelApi | undefined {
  if (method !== "POST") return undefined;
  const path = url.pathname.replace(/\/+$/, "");
  if (path.endsWith("/chat/completions")) return "openai-chat";
  if (path.endsWith("/responses")) return "openai-responses";
  return path.endsWith("/messages") ? "anthropic-messages" : undefined;
}
