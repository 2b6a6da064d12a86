import { readFileSync } from "node:fs";
import { explainPolicy, formatLock, parseLock, parsePolicy } from "@ctxpack/proof";
import { expect, it } from "vitest";

const page = readFileSync(new URL("../../../../docs/policy.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json = ""]) => json);
const policies = blocks.filter((json) => json.includes("ctxpack.policy/v1"));
const locks = blocks.filter((json) => json.includes("ctxpack.lock/v1"));

it("the page has three policies and a lock file", () => {
  expect([policies.length, locks.length]).toEqual([3, 1]);
});

it.each(policies)("a policy of docs/policy.md is one: %#", (json) => {
  const policy = parsePolicy(json, "policy.json");
  expect(explainPolicy(policy)).toMatch(/^Packs of/);
});

it("the lock file of docs/policy.md is one, as it is written", () => {
  const [json = ""] = locks;
  const lock = parseLock(json, "ctxpack.lock");
  expect(JSON.parse(formatLock(lock))).toEqual(JSON.parse(json));
});
