import { parentPort, workerData } from "node:worker_threads";
import { END } from "./end.ts";
import { makeSeed } from "./seed-worker.ts";

// A thread of `thread.ts`, in a file of its own: it needs all of the store, and the others should start quickly.
if (parentPort === null) throw new Error("this file is a worker's");
parentPort.on("message", (message) => {
  // Of this thread only.
  if (message === END) process.exit();
});
await makeSeed(parentPort, workerData.data);
