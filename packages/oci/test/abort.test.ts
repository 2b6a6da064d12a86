import { describe, expect, it } from "vitest";
import { abortable, unlessAborted } from "../src/abort.ts";
import { collect } from "./graph.ts";

async function* count(closed: { is: boolean }): AsyncGenerator<number> {
  try {
    for (let i = 0; ; i++) yield i;
  } finally {
    closed.is = true;
  }
}

describe("abortable", () => {
  it("passes everything on and ends with its source", async () => {
    async function* three(): AsyncGenerator<number> {
      yield* [1, 2, 3];
    }
    expect(await collect(abortable(three(), new AbortController().signal))).toEqual([1, 2, 3]);
    expect(await collect(abortable(three(), undefined))).toEqual([1, 2, 3]);
  });

  it("closes its source when the reader has enough", async () => {
    const closed = { is: false };
    for await (const i of abortable(count(closed), undefined)) if (i === 3) break;
    expect(closed.is).toBe(true);
  });

  it("throws the reason, closes its source, and does not start when it is too late", async () => {
    const closed = { is: false };
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      for await (const i of abortable(count(closed), stop.signal)) if (i === 3) stop.abort("why");
    };
    await expect(read()).rejects.toBe("why");
    expect(closed.is).toBe(true);
    const never = { is: false };
    await expect(collect(abortable(count(never), AbortSignal.abort("no")))).rejects.toBe("no");
  });

  it("passes on what its source throws", async () => {
    // biome-ignore lint/correctness/useYield: it fails before it has anything
    async function* bad(): AsyncGenerator<number> {
      throw new Error("bad");
    }
    await expect(collect(abortable(bad(), undefined))).rejects.toThrow("bad");
  });
});

it("unlessAborted does not wait for what goes on", async () => {
  const stop = new AbortController();
  const waiting = unlessAborted(new Promise(() => {}), stop.signal);
  stop.abort("why");
  await expect(waiting).rejects.toBe("why");
  expect(await unlessAborted(Promise.resolve(1), new AbortController().signal)).toBe(1);
  await expect(unlessAborted(Promise.reject("bad"), undefined)).rejects.toBe("bad");
});
