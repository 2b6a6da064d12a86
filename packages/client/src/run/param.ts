import { CtxPackError, canonicalize, type JsonValue } from "@ctxpack/identity";

/**
 * Params from `K=V`: V is JSON if its canonical text is V itself (`512`, `true`, `{"a":1}`), else a string (`1.10`,
 * `007`). Throws CTXPACK_E_USAGE for what is no `K=V`, and for a key given twice.
 */
export function parseParams(texts: readonly string[]): Record<string, JsonValue> {
  const params = new Map<string, JsonValue>();
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) {
      throw new CtxPackError("CTXPACK_E_USAGE", `--param ${text} is not KEY=VALUE`, {
        hint: "write --param chunk=512",
      });
    }
    const key = text.slice(0, at);
    if (params.has(key)) {
      throw new CtxPackError("CTXPACK_E_USAGE", `--param ${key} is given twice`);
    }
    params.set(key, parseValue(text.slice(at + 1)));
  }
  return Object.fromEntries(params);
}

function parseValue(text: string): JsonValue {
  try {
    const value = JSON.parse(text) as JsonValue;
    return canonicalize(value) === text ? value : text;
  } catch {
    return text;
  }
}
