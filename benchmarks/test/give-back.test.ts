import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { giveBack } from "../src/give-back.ts";

it("what a question took is given back, and nothing that others read", () => {
  const root = mkdtempSync(join(tmpdir(), "ctxpack-give-back-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const content = Buffer.alloc(100_000, 1);
  const corpus = join(root, "corpus");
  writeFileSync(corpus, content);
  const scratch = join(root, "scratch");
  mkdirSync(join(scratch, "store"), { recursive: true });
  writeFileSync(join(scratch, "store/large"), content, { mode: 0o444 });
  writeFileSync(join(scratch, "store/small"), "small");
  linkSync(corpus, join(scratch, "linked"));
  symlinkSync(corpus, join(scratch, "symbolic"));
  giveBack(scratch);
  expect(statSync(join(scratch, "store/large")).size).toBe(0);
  expect(readFileSync(join(scratch, "store/small"), "utf8")).toBe("small");
  expect(readFileSync(corpus).equals(content)).toBe(true);
});
