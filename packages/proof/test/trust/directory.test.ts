import { join } from "node:path";
import { trustDirectory } from "@ctxpack/proof";
import { describe, expect, it } from "vitest";

describe("trustDirectory", () => {
  it("is what the user says, else the workspace's, else one of the user's cache", () => {
    const env = { CTXPACK_TRUST_DIR: "/trust", XDG_CACHE_HOME: "/xdg", HOME: "/home/u" };
    expect(trustDirectory({ env, workspace: "/w" })).toBe("/trust");
    const { CTXPACK_TRUST_DIR, ...others } = env;
    expect(trustDirectory({ env: others, workspace: "/w" })).toBe(join("/w", ".ctxpack", "trust"));
    expect(trustDirectory({ env: others })).toBe(join("/xdg", "ctxpack-trust"));
  });

  it.each([
    ["linux", { HOME: "/home/u" }, join("/home/u", ".cache", "ctxpack-trust")],
    ["darwin", { HOME: "/Users/u" }, join("/Users/u", "Library", "Caches", "ctxpack-trust")],
    ["win32", { LOCALAPPDATA: "/local" }, join("/local", "ctxpack", "Trust")],
    ["win32", { USERPROFILE: "/u" }, join("/u", "AppData", "Local", "ctxpack", "Trust")],
  ] as const)("on %s", (platform, env, expected) => {
    expect(trustDirectory({ env, platform })).toBe(expected);
  });

  it("is never empty", () => {
    expect(trustDirectory({ env: {} })).toMatch(/.ctxpack-trust$|Trust$/);
  });
});
