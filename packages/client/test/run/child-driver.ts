// Runs a command with two variables, and prints how it ended: for tests that need another umask around it.
import { runChild } from "../../src/run/child.ts";

let stdout = "";
const end = await runChild({
  argv: process.argv.slice(2),
  cwd: process.cwd(),
  env: { PATH: process.env["PATH"] ?? "", A: "1" },
  stdout: (chunk) => {
    stdout += Buffer.from(chunk);
  },
  stderr: (chunk) => void process.stderr.write(chunk),
  signal: new AbortController().signal,
});
console.log(JSON.stringify({ end, stdout, umaskAfter: process.umask() }));
