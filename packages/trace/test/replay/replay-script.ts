// Replays one call of a tool that is a shell script, confined, in a process of its own; prints what came of it.
import { commandTool, replayTools } from "../../src/index.ts";
import { packInMemory, reread } from "../run/memory.ts";

const [script = "", maxWorkspace = "0"] = process.argv.slice(2);
const pack = await packInMemory([{ step: { kind: "tool", name: "sh", result: { text: "" } } }]);
const report = await replayTools(reread(pack), {
  tools: [commandTool({ names: ["sh"], argv: ["sh", "-c", script] })],
  limits: { maxWorkspace: Number(maxWorkspace), timeoutMs: 20_000 },
});
console.log(JSON.stringify(report.steps[0]));
