// Prints the digest of a folder. JavaScript, not TypeScript: stripping types would count as start-up.
import { hashTree } from "@ctxpack/identity";

const { digest } = await hashTree(process.argv[2] ?? ".");
console.log(digest);
