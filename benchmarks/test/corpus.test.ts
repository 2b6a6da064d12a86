import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashTree } from "@ctxpack/identity";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mixed, pages, singleFile, smallFiles, texts } from "../src/corpus.ts";

describe("corpora", () => {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "ctxpack-corpus-"));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  // Figures of two machines can be compared only if both worked on these bytes.
  it.each([
    [
      "small",
      smallFiles,
      "dirHash1:391e82f4f8ca419789467f55cce44c7fc32aa6582b09e9bdcdcedaa4903290cd",
    ],
    ["mixed", mixed, "dirHash1:965bffd4b1345c3d0aa62474a70fed85640d9806401ae89519ed4fd17098de1a"],
    ["texts", texts, "dirHash1:6176b0f4c84e1879878fdcd041602397244539d29fff64a4fb627bcb39af5b47"],
    ["pages", pages, "dirHash1:c8624cf7faab209a7f9a11f4879b47e64322dc2987d6f94d5e95d492005df117"],
    [
      "single",
      singleFile,
      "dirHash1:baa1580df2123350967a14ec2951ac4a2a64fba2f6557935c82ff879a6404b14",
    ],
  ] as const)("%s is the same bytes everywhere", async (name, write, expected) => {
    const corpus = write(join(root, name), "smoke");
    const { digest, files, bytes } = await hashTree(corpus.dir);
    expect({ files, bytes }).toEqual({ files: corpus.files, bytes: corpus.bytes });
    expect(digest).toBe(expected);
  });
});
