import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

it("a process ends that has reset a socket whose end was on its way", () => {
  const source = new URL("../src/reset.ts", import.meta.url).href;
  const script = `
    import { connect, createServer } from "node:net";
    import { reset } from ${JSON.stringify(source)};
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.end();
      reset(socket);
      server.close();
    });
    server.listen(0, "127.0.0.1", () => {
      connect(server.address().port, "127.0.0.1").resume().on("error", () => {});
    });
    process.on("exit", () => console.log("over"));`;
  const args = ["--input-type=module", "-e", script];
  // Without it the process is over, and never ends.
  expect(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 })).toBe(
    "over\n",
  );
});
