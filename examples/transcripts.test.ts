// What our documents say on a terminal, run as it stands: every command, and every line it prints.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDockerRegistry } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { startEmbeddingsServer } from "./rag-index/embeddings-server.ts";
import { comparable, runTranscript, section, transcript } from "./transcript.ts";

const root = join(import.meta.dirname, "..");

interface Place {
  /** The part of the document; all of it unless said. */
  readonly heading?: string;
  /** A folder that the commands begin with a copy of. */
  readonly files?: string;
  /** What a server is called in the document, and where it is. */
  readonly server?: readonly [string, string];
}

async function expectTranscript(file: string, place: Place = {}): Promise<void> {
  const { heading, files, server } = place;
  const whole = readFileSync(join(root, file), "utf8");
  const steps = transcript(heading === undefined ? whole : section(whole, heading));
  expect(steps.length).toBeGreaterThan(3);
  const put = (text: string) => (server ? text.replaceAll(...server) : text);
  const asked = steps.map((step) => ({ ...step, command: put(step.command) }));
  const printed = await runTranscript(asked, files && join(root, files));
  for (const [index, step] of steps.entries()) {
    expect(comparable(printed[index] ?? ""), step.command).toBe(comparable(put(step.printed)));
  }
}

/** What is missing of these programs, which is said. */
function missingOf(what: string, programs: Readonly<Record<string, string>>): readonly string[] {
  const missing = Object.entries(programs)
    .filter(([program, flag]) => spawnSync(program, [flag]).error !== undefined)
    .map(([program]) => program);
  if (missing.length > 0) console.log(`SKIPPED ${what}: ${missing.join(", ")} is missing`);
  return missing;
}

test("README.md: the transcript runs and prints what it says", async () => {
  await expectTranscript("README.md");
});

const tutorial = "docs/tutorials/first-hour.md";

test.skipIf(missingOf(tutorial, { "docker-registry": "--version" }).length > 0)(
  tutorial,
  async () => {
    await using registry = await startDockerRegistry();
    await expectTranscript(tutorial, { server: ["localhost:5000", registry.host] });
  },
);

const rag = "examples/rag-index";

test(`${rag}: build, push, ask`, async () => {
  await expectTranscript(`${rag}/README.md`, { heading: "Build, push, ask", files: rag });
});

const readers = { pdftotext: "-v", pdftoppm: "-v", tesseract: "--version" };

test.skipIf(missingOf(`${rag}: other readers`, readers).length > 0)(
  `${rag}: other readers`,
  async () => {
    await expectTranscript(`${rag}/README.md`, {
      heading: "Other ways to read a PDF",
      files: rag,
    });
  },
);

test(`${rag}: an endpoint is asked for each page that is new, and told what the contract says`, async () => {
  await using server = await startEmbeddingsServer();
  await expectTranscript(`${rag}/README.md`, {
    heading: "With an embedding model",
    files: rag,
    server: ["http://localhost:8080/v1", server.baseUrl],
  });
  // Twelve pages, the one that changed, and the question.
  expect(server.asked).toHaveLength(14);
  for (const { authorization, body } of server.asked) {
    expect(authorization).toBe("Bearer not-a-key");
    expect(body).toMatchObject({ model: "text-embedding-3-small", dimensions: 512 });
  }
  expect(server.asked[12]?.body.input.join(" ")).toContain("rubber mallet");
  expect(server.asked[13]?.body.input).toEqual(["What removes ice from the mast?"]);
});

const recordings = "examples/transcripts";

test(`${recordings}: transcribe, index, ask`, async () => {
  await expectTranscript(`${recordings}/README.md`, {
    heading: "Transcribe, index, ask",
    files: recordings,
  });
});

// Minutes, and apt-get.
test.skipIf(!process.env["CTXPACK_EXAMPLES_FULL"])(
  `${rag}: the manuals`,
  async () => {
    await expectTranscript(`${rag}/README.md`, { heading: "In full", files: rag });
  },
  900_000,
);
