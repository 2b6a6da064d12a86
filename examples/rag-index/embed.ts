// Chunks to chunks with vectors:  node embed.ts --model=NAME --dimensions=N IN OUT [IN OUT …]
//
// The model `hashed-words` is computed here, any other one is asked of the endpoint at OPENAI_BASE_URL.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { endpointVectors } from "./endpoint.ts";
import { hashedWords } from "./hashed-words.ts";

/** A page, ready for the index. */
export interface EmbeddedPage {
  readonly model: string;
  readonly dimensions: number;
  /** A vector is base64 of little-endian 32 bit floats. */
  readonly chunks: readonly { readonly text: string; readonly vector: string }[];
}

/** A vector of length 1 for each text. */
export async function embed(
  texts: readonly string[],
  { model, dimensions }: { readonly model: string; readonly dimensions: number },
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  if (texts.length === 0) return [];
  const vectors =
    model === "hashed-words"
      ? texts.map((text) => hashedWords(text, dimensions))
      : await endpointVectors({ model, dimensions, texts, signal });
  return vectors.map((vector) => {
    const length = Math.hypot(...vector) || 1;
    return Float32Array.from(vector, (value) => value / length);
  });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      model: { type: "string", default: "" },
      dimensions: { type: "string", default: "" },
    },
    allowPositionals: true,
  });
  const by = { model: values.model, dimensions: Number(values.dimensions) };
  for (let at = 0; at < positionals.length; at += 2) {
    const texts: readonly string[] = JSON.parse(readFileSync(positionals[at] as string, "utf8"));
    const vectors = await embed(texts, by, AbortSignal.timeout(60_000));
    const chunks = texts.map((text, row) => {
      const vector = Buffer.from((vectors[row] as Float32Array).buffer).toString("base64");
      return { text, vector };
    });
    const page: EmbeddedPage = { ...by, chunks };
    writeFileSync(positionals[at + 1] as string, JSON.stringify(page));
  }
}

if (import.meta.main) await main();
