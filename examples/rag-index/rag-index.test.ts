// What the README's commands (readme.test.ts) do not show.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { embed } from "./embed.ts";
import { startEmbeddingsServer } from "./embeddings-server.ts";

const here = import.meta.dirname;
const { signal } = new AbortController();
const model = { model: "small-3", dimensions: 48 };

afterEach(() => {
  vi.unstubAllEnvs();
});

test("extract.yaml names the unpdf that is installed", () => {
  const { transforms } = parse(readFileSync(join(here, "extract.yaml"), "utf8"));
  const unpdf = dirname(dirname(createRequire(import.meta.url).resolve("unpdf")));
  const { version } = JSON.parse(readFileSync(join(unpdf, "package.json"), "utf8"));
  expect(transforms).toMatchObject([{ tool: "unpdf", tool_version: version }]);
});

test("a model that refuses to be told its size is asked without; vectors come in the order of the texts", async () => {
  await using server = await startEmbeddingsServer(48);
  vi.stubEnv("OPENAI_BASE_URL", `${server.baseUrl}/`);
  vi.stubEnv("OPENAI_API_KEY", "");
  const texts = ["the rain gauge", "two lead batteries", "ice on the mast"];
  const vectors = await embed(texts, model, signal);
  const alone = await Promise.all(texts.map((text) => embed([text], model, signal)));
  expect(vectors).toEqual(alone.flat());
  expect(server.asked.slice(0, 2)).toEqual([
    {
      authorization: undefined,
      body: { model: "small-3", input: texts, encoding_format: "float", dimensions: 48 },
    },
    {
      authorization: undefined,
      body: { model: "small-3", input: texts, encoding_format: "float" },
    },
  ]);
});

test("vectors of another size than the contract's are an error that says what to correct", async () => {
  await using server = await startEmbeddingsServer(64);
  vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
  await expect(embed(["ice"], model, signal)).rejects.toThrow(
    /64 numbers for 1 texts of small-3; the contract says 48.*--dimensions in embed\.openai\.yaml/,
  );
});

test("an endpoint that is not there, refuses or is not named is an error that names it", async () => {
  await using server = await startEmbeddingsServer();
  vi.stubEnv("OPENAI_BASE_URL", `${server.baseUrl}/nowhere`);
  await expect(embed(["ice"], model, signal)).rejects.toThrow("/nowhere/embeddings: 404");
  await server[Symbol.asyncDispose]();
  await expect(embed(["ice"], model, signal)).rejects.toThrow(
    "/nowhere/embeddings does not answer",
  );
  vi.stubEnv("OPENAI_BASE_URL", "");
  await expect(embed(["ice"], model, signal)).rejects.toThrow("OPENAI_BASE_URL is not set");
});
