import { test } from "vitest";
import { expectReadme } from "../readme.ts";

test("README.md: transcribe, index, ask", async () => {
  await expectReadme(import.meta.dirname, { heading: "Transcribe, index, ask" });
});
