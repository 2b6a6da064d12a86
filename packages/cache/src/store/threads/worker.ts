import { parentPort, workerData } from "node:worker_threads";
import { END } from "./end.ts";
import { makeFrames } from "./frame-worker.ts";
import { hashFiles } from "./hash-worker.ts";
import { readSegments } from "./segment-worker.ts";
import type { Role } from "./thread.ts";

// A thread of `thread.ts`.
const { role, data } = workerData as { role: Role; data: never };
if (parentPort === null) throw new Error("this file is a worker's");
parentPort.on("message", (message) => {
  // Of this thread only.
  if (message === END) process.exit();
});
if (role === "frames") makeFrames(parentPort, data);
else if (role === "segments") readSegments(parentPort, data);
else if (role === "hashes") hashFiles(parentPort);
