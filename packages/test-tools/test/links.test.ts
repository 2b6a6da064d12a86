import { randomBytes } from "node:crypto";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type FaultLinkOptions,
  type LinkFault,
  startDelayLink,
  startFaultLink,
} from "../src/index.ts";

/** Says back all that it was told, once it was told all. */
let echo: Server;
let target: { readonly port: number };

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    const parts: Buffer[] = [];
    socket.on("error", () => {});
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.once("end", () => socket.end(Buffer.concat(parts)));
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  target = { port: (echo.address() as AddressInfo).port };
});

afterAll(async () => {
  await new Promise((resolve) => echo.close(resolve));
});

/** What came back, and how the connection ended. */
async function say(port: number, bytes: Buffer): Promise<{ got: Buffer; error?: string }> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const parts: Buffer[] = [];
  let error: string | undefined;
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", (failure: NodeJS.ErrnoException) => {
    error = failure.code;
  });
  socket.end(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
  return { got: Buffer.concat(parts), ...(error !== undefined && { error }) };
}

const sent = randomBytes(3_000_000);

async function sayThrough(
  rates: Partial<Record<LinkFault, number>>,
  more?: Partial<FaultLinkOptions>,
) {
  await using link = await startFaultLink(target, { seed: 7, rates, ...more });
  const said = await say(link.port, sent);
  return { ...said, faults: { ...link.faults }, bytes: { ...link.bytes } };
}

describe("a fault link", () => {
  it("passes bytes unchanged when nothing is to happen", async () => {
    const { got, faults, bytes, error } = await sayThrough({});
    expect(got.equals(sent)).toBe(true);
    expect(error).toBeUndefined();
    expect(bytes).toEqual({ up: sent.length, down: sent.length });
    expect(Object.values(faults).every((n) => n === 0)).toBe(true);
  });

  it("corrupts and repeats on the way down, and nothing else", async () => {
    const corrupt = await sayThrough({ corrupt: 1 });
    expect(corrupt.got.length).toBe(sent.length);
    let differing = 0;
    for (let i = 0; i < sent.length; i++) if (corrupt.got[i] !== sent[i]) differing++;
    expect(differing).toBe(corrupt.faults.corrupt);
    expect(differing).toBeGreaterThan(0);
    const repeat = await sayThrough({ repeat: 1 });
    expect(repeat.got.length).toBeGreaterThan(sent.length);
    expect(repeat.bytes.up).toBe(sent.length);
  });

  it("breaks connections", async () => {
    const down = { directions: { drop: ["down"], truncate: ["down"], reset: ["down"] } } as const;
    for (const kind of ["drop", "truncate", "reset"] as const) {
      const broken = await sayThrough({ [kind]: 1 }, down);
      expect(broken.got.length).toBeLessThan(sent.length);
      expect(broken.faults[kind]).toBe(1);
      expect(broken.error).toBe(kind === "reset" ? "ECONNRESET" : undefined);
      const prefix = sent.subarray(0, broken.got.length);
      expect(broken.got.equals(prefix)).toBe(true);
    }
  });

  it("delays without a change", async () => {
    const { got, faults } = await sayThrough({ delay: 0.5 }, { delayMs: 2 });
    expect(got.equals(sent)).toBe(true);
    expect(faults.delay).toBeGreaterThan(0);
  });
});

describe("a delay link", () => {
  it("holds back every byte and the end, and passes all of them", async () => {
    await using link = await startDelayLink(target, { roundTripMs: 80 });
    const before = performance.now();
    const { got, error } = await say(link.port, sent);
    // Never too early; how much later is the machine's business. Timers may be a millisecond early.
    expect(performance.now() - before).toBeGreaterThanOrEqual(78);
    expect(got.equals(sent)).toBe(true);
    expect(error).toBeUndefined();
    expect(link.bytes).toEqual({ up: sent.length, down: sent.length });
  });

  it("passes more than it may hold", async () => {
    await using link = await startDelayLink(target, { roundTripMs: 2, maxHeld: 100_000 });
    expect((await say(link.port, sent)).got.equals(sent)).toBe(true);
  });
});
