import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cleanUp, scratch } from "./run.ts";

cleanUp();

const source = join(import.meta.dirname, "../src/stream.ts");

/** Runs `body` with a `stream` on stdout in a process of its own. */
function writer(body: string, stdout: "pipe" | number) {
  const code = `import { StandardStream } from ${JSON.stringify(source)};
    const stream = new StandardStream(1);
    const told = (text) => process.getBuiltinModule("node:fs").writeSync(2, text);
    ${body}`;
  return spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", stdout, "pipe"],
  });
}

async function ended(child: ReturnType<typeof writer>) {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  return { code: await promise, stderr };
}

describe("StandardStream", () => {
  it("writes texts and bytes in order, also after somebody waited for one", async () => {
    const file = join(scratch(), "out");
    const fd = openSync(file, "w");
    const child = writer(
      `stream.write("a"); stream.write(new Uint8Array([98]));
       await new Promise((done) => stream.write("c", done)); stream.write("d");`,
      fd,
    );
    closeSync(fd);
    expect(await ended(child)).toEqual({ code: 0, stderr: "" });
    expect(readFileSync(file, "utf8")).toBe("abcd");
  });

  it("asks Node.js for its stream only when somebody waits, or it may be a terminal", async () => {
    const loads = 'told(String(process.moduleLoadList.includes("NativeModule net")));';
    const child = writer(`told(String(stream.isTTY)); stream.write("a"); ${loads}`, "pipe");
    child.stdout?.resume();
    expect((await ended(child)).stderr).toBe("falsefalse");
    const waiting = writer(`stream.write("a", () => { ${loads} });`, "pipe");
    waiting.stdout?.resume();
    expect((await ended(waiting)).stderr).toBe("true");
  });

  it("goes on when its reader has stopped", async () => {
    const child = writer(
      `told("ready"); await new Promise((done) => setTimeout(done, 200));
       for (let i = 0; i < 3; i++) stream.write("x".repeat(100_000)); told(" done");`,
      "pipe",
    );
    child.stdout?.destroy();
    expect(await ended(child)).toEqual({ code: 0, stderr: "ready done" });
  });

  it("loses nothing in a pipe that is full and must not be waited for", async () => {
    // Node.js has set the descriptor to non-blocking, as whoever started us may have: writing fails with EAGAIN.
    const size = 4_000_000;
    const child = writer(
      `process.stdout; stream.write("x".repeat(${size})); stream.write("y");`,
      "pipe",
    );
    const chunks: string[] = [];
    await new Promise((done) => setTimeout(done, 200));
    child.stdout?.setEncoding("utf8").on("data", (text) => chunks.push(text));
    expect(await ended(child)).toEqual({ code: 0, stderr: "" });
    const all = chunks.join("");
    expect(all.length).toBe(size + 1);
    expect(all.endsWith("xy")).toBe(true);
  });
});
