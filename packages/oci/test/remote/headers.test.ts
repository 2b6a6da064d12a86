import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseContentRange, parseNextLink, parseUploadRange } from "../../src/remote/headers.ts";
import { Lanes } from "../../src/remote/lanes.ts";
import { apiHost, profileFor } from "../../src/remote/profile.ts";
import { parseFaults } from "../../src/remote/registry-error.ts";
import { backoff, parseRetryAfter } from "../../src/remote/retry.ts";
import { parseWarning } from "../../src/remote/warnings.ts";

describe("parsers of what registries send", () => {
  it.each<[string | undefined, unknown]>([
    ["bytes 0-9/10", { first: 0, last: 9, size: 10 }],
    ["bytes 5-9/*", { first: 5, last: 9, size: undefined }],
    ["bytes */10", undefined],
    ["bytes 0-9", undefined],
    ["items 0-9/10", undefined],
    ["bytes -1-9/10", undefined],
    [undefined, undefined],
  ])("Content-Range %j", (value, expected) => {
    expect(parseContentRange(value)).toEqual(expected);
  });

  it.each<[string | undefined, number | undefined]>([
    ["0-9", 10],
    ["bytes=0-9", 10],
    ["0-0", 0],
    ["5-9", undefined],
    ["x", undefined],
    [undefined, undefined],
  ])("Range of an upload %j", (value, expected) => {
    expect(parseUploadRange(value)).toBe(expected);
  });

  const page = new URL("http://reg.example/v2/a/tags/list?n=2");
  it.each<[string[], string | undefined]>([
    [['</v2/a/tags/list?n=2&last=b>; rel="next"'], "http://reg.example/v2/a/tags/list?n=2&last=b"],
    [["<http://x.example/y>; rel=next"], "http://x.example/y"],
    [['<a>; rel="prev", <b>; title="x"; rel="last next"'], "http://reg.example/v2/a/tags/b"],
    [['<a>; rel="nextish"'], undefined],
    [[], undefined],
  ])("Link %j", (values, expected) => {
    expect(parseNextLink(values, page)?.href).toBe(expected);
  });

  it.each<[string | undefined, number | undefined]>([
    ["0", 0],
    ["120", 120_000],
    ["Thu, 01 Jan 1970 00:00:10 GMT", 9_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["-1", undefined],
    ["soon", undefined],
    ["99999999999999", undefined],
    [undefined, undefined],
  ])("Retry-After %j", (value, expected) => {
    expect(parseRetryAfter(value, 1000)).toBe(expected);
  });

  it.each<[string, unknown]>([
    ['{"errors":[{"code":"A","message":"b"}]}', [{ code: "A", message: "b" }]],
    [
      '{"errors":[{"code":"A"},7,null,{"message":"\\u001b[2J"}]}',
      [
        { code: "A", message: "" },
        { code: "UNKNOWN", message: " [2J" },
      ],
    ],
    ['{"errors":{}}', []],
    ["<html>", []],
    ["null", []],
  ])("errors %s", (text, expected) => {
    expect(parseFaults(new TextEncoder().encode(text))).toEqual(expected);
  });

  it("take any text without throwing", () => {
    const any = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.constantFrom("<".repeat(50_000), "0-".repeat(50_000)),
    );
    void fc.assert(
      fc.property(any, (text) => {
        parseContentRange(text);
        parseUploadRange(text);
        parseNextLink([text], page);
        parseRetryAfter(text, 0);
        parseWarning(text);
        parseFaults(new TextEncoder().encode(text));
      }),
    );
  });
});

it("the wait between attempts doubles up to its limit", () => {
  const policy = { attempts: 9, baseMs: 100, capMs: 1000, retryAfterCapMs: 0 };
  for (const [attempt, least] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1000],
    [9, 1000],
  ] as const) {
    const waited = backoff(policy, attempt);
    expect(waited).toBeGreaterThanOrEqual(least);
    expect(waited).toBeLessThanOrEqual(least * 1.1);
  }
});

it("what is known of a registry is a guess that its user corrects", () => {
  expect(profileFor("x.dkr.ecr.eu-west-1.amazonaws.com").maxLayers).toBe(500);
  expect(profileFor("ghcr.io.evil.example")).toEqual(profileFor("other.example"));
  expect(profileFor("ghcr.io", { upload: "chunks", chunkSize: undefined as never })).toMatchObject({
    upload: "chunks",
    chunkSize: 4 * 1024 * 1024 - 65_536,
  });
  expect(apiHost("docker.io")).toBe("registry-1.docker.io");
});

describe("Lanes", () => {
  it("are as many as the host bears", async () => {
    const lanes = new Lanes(4, 6);
    for (let i = 0; i < 20; i++) lanes.succeeded();
    expect(lanes.limit).toBe(6);
    lanes.overloaded(1000);
    lanes.overloaded(1050);
    expect(lanes.limit).toBe(3);
    lanes.overloaded(1200);
    lanes.overloaded(1400);
    lanes.overloaded(1600);
    expect(lanes.limit).toBe(1);
  });

  it("never has more at once than there are, and lets everybody in", async () => {
    const lanes = new Lanes(3, 3);
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const leave = await lanes.enter(undefined);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        leave();
        leave();
      }),
    );
    expect(most).toBe(3);
  });

  it("one who gives up does not keep the lane from the next", async () => {
    const lanes = new Lanes(1, 1);
    const leave = await lanes.enter(undefined);
    const controller = new AbortController();
    const gone = lanes.enter(controller.signal);
    const next = lanes.enter(undefined);
    leave();
    controller.abort(new Error("gone"));
    await gone.then(
      (l) => l(),
      () => {},
    );
    (await next)();
  });
});
