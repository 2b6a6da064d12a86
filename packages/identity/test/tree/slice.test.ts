import { describe, expect, it } from "vitest";
import { runSliced } from "../../src/tree/slice.ts";

/** Keeps the thread busy for a millisecond a step; notes when it is closed. */
function* busy(steps: number, closed: () => void): Generator<undefined, number, void> {
  try {
    for (let i = 0; i < steps; i++) {
      const end = performance.now() + 1;
      while (performance.now() < end);
      yield;
    }
    return steps;
  } finally {
    closed();
  }
}

describe("runSliced", () => {
  it("returns what the steps return, and closes them once", async () => {
    let closed = 0;
    expect(
      await runSliced(
        busy(30, () => closed++),
        {},
      ),
    ).toBe(30);
    expect(closed).toBe(1);
  });

  it("lets the event loop turn in between, and says so", async () => {
    let slices = 0;
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await runSliced(
      busy(50, () => {}),
      { onSlice: () => slices++ },
    );
    clearInterval(timer);
    expect(slices).toBeGreaterThanOrEqual(3);
    expect(turns).toBeGreaterThan(0);
  });

  it("does not start when aborted, and closes the steps when aborted later", async () => {
    let closed = 0;
    const reason = new Error("enough");
    const never = busy(1, () => closed++);
    await expect(runSliced(never, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(never.next().done).toBe(true);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 1);
    const steps = busy(10_000, () => closed++);
    await expect(runSliced(steps, { signal: controller.signal })).rejects.toBe(reason);
    expect(closed).toBe(1);
  });

  it("passes on what the steps throw", async () => {
    const steps = (function* (): Generator<undefined, void, void> {
      yield;
      throw new Error("broken");
    })();
    await expect(runSliced(steps, {})).rejects.toThrow("broken");
  });
});
