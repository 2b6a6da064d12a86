// Seed 0's table "What Changes a URI", row by row, on real files through the command line.
import { cpSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, scratch } from "./run.ts";

cleanUp();

interface Contract {
  inputs: { name: string; path: string }[];
  transforms: {
    tool: string;
    tool_version: string;
    model: string;
    code_hash: string;
    params: Record<string, unknown>;
  }[];
  outputs: { path: string }[];
}

/** A folder with raw PDFs and the contract of seed 1's README. */
function pipeline(): string {
  const folder = scratch();
  mkdirSync(join(folder, "raw_pdfs/annex"), { recursive: true });
  writeFileSync(join(folder, "raw_pdfs/10-K.pdf"), "%PDF-1.7 annual report");
  writeFileSync(join(folder, "raw_pdfs/annex/table.pdf"), "%PDF-1.7 table");
  const contract: Contract = {
    inputs: [{ name: "raw_docs", path: "./raw_pdfs" }],
    transforms: [
      {
        tool: "vision-pro",
        tool_version: "1.2",
        model: "text-embedding-3-large",
        code_hash: "sha256:abc123",
        params: { dpi: 300, chunk_size: 512 },
      },
    ],
    outputs: [{ path: "./processed_data" }],
  };
  writeFileSync(join(folder, "contract.json"), JSON.stringify(contract));
  return folder;
}

function edit(folder: string, change: (contract: Contract) => void): void {
  const file = join(folder, "contract.json");
  const contract = JSON.parse(readFileSync(file, "utf8")) as Contract;
  change(contract);
  writeFileSync(file, JSON.stringify(contract));
}

function transform(contract: Contract): Contract["transforms"][number] {
  return contract.transforms[0] as Contract["transforms"][number];
}

async function id(folder: string): Promise<string> {
  const uri = await result(["id", "contract.json"], { cwd: folder });
  expect(uri).toMatch(/^ctx:\/\/sha256:[0-9a-f]{64}$/);
  return uri;
}

const changing: Record<string, (folder: string) => void> = {
  "any byte in any input file": (folder) =>
    writeFileSync(join(folder, "raw_pdfs/annex/table.pdf"), "%PDF-1.7 tablE"),
  "a filename within the input tree": (folder) =>
    renameSync(join(folder, "raw_pdfs/10-K.pdf"), join(folder, "raw_pdfs/10-Q.pdf")),
  "any transform param (dpi)": (folder) =>
    edit(folder, (c) => Object.assign(transform(c).params, { dpi: 301 })),
  "any transform param (chunk_size)": (folder) =>
    edit(folder, (c) => Object.assign(transform(c).params, { chunk_size: 256 })),
  "the model": (folder) =>
    edit(folder, (c) => Object.assign(transform(c), { model: "text-embedding-3-small" })),
  "the tool version": (folder) =>
    edit(folder, (c) => Object.assign(transform(c), { tool_version: "1.3" })),
  "the code_hash field": (folder) =>
    edit(folder, (c) => Object.assign(transform(c), { code_hash: "sha256:abc124" })),
};

const keeping: Record<string, (folder: string) => void> = {
  "output file names or paths": (folder) =>
    edit(folder, (c) => Object.assign(c.outputs[0] as object, { path: "./elsewhere/result" })),
  "the timestamp of the run": (folder) => {
    utimesSync(join(folder, "raw_pdfs/10-K.pdf"), 1, 1);
    utimesSync(join(folder, "contract.json"), 1, 1);
  },
};

test.for(Object.entries(changing))("changes the URI: %s", async ([, change]) => {
  const folder = pipeline();
  const before = await id(folder);
  change(folder);
  expect(await id(folder)).not.toBe(before);
});

test.for(Object.entries(keeping))("does not change the URI: %s", async ([, change]) => {
  const folder = pipeline();
  const before = await id(folder);
  change(folder);
  expect(await id(folder)).toBe(before);
});

test("does not change the URI: which machine ran the pipeline", async () => {
  const folder = pipeline();
  const elsewhere = join(scratch(), "other user", "Ünïcode");
  cpSync(folder, elsewhere, { recursive: true });
  const env = { HOME: "/nonexistent", USER: "somebody", TZ: "Asia/Tokyo", LC_ALL: "tr_TR.UTF-8" };
  const there = await result(["id", "contract.json"], { cwd: elsewhere, env });
  expect(there).toBe(await id(folder));
});

test("a file given as the input itself: its bytes count, its own name does not", async () => {
  const folder = pipeline();
  edit(folder, (c) => Object.assign(c.inputs[0] as object, { path: "./raw_pdfs/10-K.pdf" }));
  const before = await id(folder);
  renameSync(join(folder, "raw_pdfs/10-K.pdf"), join(folder, "raw_pdfs/renamed.pdf"));
  edit(folder, (c) => Object.assign(c.inputs[0] as object, { path: "./raw_pdfs/renamed.pdf" }));
  expect(await id(folder)).toBe(before);
  writeFileSync(join(folder, "raw_pdfs/renamed.pdf"), "%PDF-1.7 other");
  expect(await id(folder)).not.toBe(before);
});
