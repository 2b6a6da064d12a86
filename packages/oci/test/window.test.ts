import fc from "fast-check";
import { expect, it } from "vitest";
import { BlobWindow } from "../src/index.ts";

const MiB = 2 ** 20;
const turn = () => new Promise((resolve) => setImmediate(resolve));

it("runs so many at a time, in order, and goes on after a failure", async () => {
  const window = new BlobWindow(2);
  const started: number[] = [];
  let running = 0;
  const tasks = [0, 1, 2, 3, 4].map((i) =>
    window.run(1, async () => {
      started.push(i);
      expect(++running).toBeLessThanOrEqual(2);
      await turn();
      running--;
      if (i === 1) throw new Error("one");
      return i;
    }),
  );
  const results = await Promise.allSettled(tasks);
  expect(results.map(({ status }) => status === "rejected")).toEqual([
    false,
    true,
    false,
    false,
    false,
  ]);
  expect(started).toEqual([0, 1, 2, 3, 4]);
});

it("lets more small ones go than large ones, and keeps their order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 24 * MiB }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 20 }),
      async (sizes, blobs, small) => {
        const window = new BlobWindow({ blobs, small });
        const started: number[] = [];
        const inFlight = new Set<number>();
        await Promise.all(
          sizes.map((size, i) =>
            window.run(size, async () => {
              started.push(i);
              inFlight.add(i);
              const bytes = [...inFlight].reduce((sum, one) => sum + (sizes[one] ?? 0), 0);
              expect(inFlight.size).toBeLessThanOrEqual(Math.max(blobs, small));
              expect(inFlight.size <= blobs || bytes <= 16 * MiB).toBe(true);
              await turn();
              inFlight.delete(i);
            }),
          ),
        );
        expect(started).toEqual(sizes.map((_, i) => i));
      },
    ),
  );
});

it("an abort ends the waiting of one, and takes no place from the others", async () => {
  const window = new BlobWindow(1);
  const first = Promise.withResolvers<void>();
  const running = window.run(1, () => first.promise);
  const stop = new AbortController();
  const waiting = window.run(1, async () => "never", stop.signal);
  const last = window.run(1, async () => "last");
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  first.resolve();
  await running;
  expect(await last).toBe("last");
  await expect(window.run(1, async () => "never", stop.signal)).rejects.toThrow("enough");
});
