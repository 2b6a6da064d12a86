// The README as it stands. What is fetched from Debian's archive takes minutes, and is run where CTXPACK_EXAMPLES_FULL=1.
import { missingProgram } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { expectReadme, isFull } from "../readme.ts";
import { startEmbeddingsServer } from "./embeddings-server.ts";

const example = import.meta.dirname;

test("build, push, ask", async () => {
  await expectReadme(example, { heading: "Build, push, ask" });
});

test.skipIf(missingProgram("pdftotext", "pdftoppm", "tesseract"))("other readers", async () => {
  await expectReadme(example, { heading: "Other ways to read a PDF" });
});

test("an endpoint is asked for each page that is new, and told what the contract says", async () => {
  await using server = await startEmbeddingsServer();
  await expectReadme(
    example,
    { heading: "With an embedding model" },
    { server: ["http://localhost:8080/v1", server.baseUrl] },
  );
  // Twelve pages, the one that changed, and the question.
  expect(server.asked).toHaveLength(14);
  for (const { authorization, body } of server.asked) {
    expect(authorization).toBe("Bearer not-a-key");
    expect(body).toMatchObject({ model: "text-embedding-3-small", dimensions: 512 });
  }
  expect(server.asked[12]?.body.input.join(" ")).toContain("rubber mallet");
  expect(server.asked[13]?.body.input).toEqual(["What removes ice from the mast?"]);
});

test.skipIf(!isFull)("the manuals", () => expectReadme(example, "full"), 900_000);
