// Pulls a pack that is in the store again and again: `hits.js <uri> <count>` prints the median in milliseconds.
import { CtxPack } from "@ctxpack/client";

const [uri, count] = process.argv.slice(2);
await using ctx = await CtxPack.open();
const times = [];
for (let i = 0; i < Number(count); i++) {
  const started = performance.now();
  await ctx.pull(uri);
  times.push(performance.now() - started);
}
times.sort((a, b) => a - b);
console.log(times[times.length >> 1].toFixed(3));
