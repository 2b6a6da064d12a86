import { config } from "./config.ts";
import { contract } from "./contract.ts";
import { env } from "./env.ts";
import { exitCodes } from "./exit-codes.ts";

/** What `ctxpack help` can be asked beside commands. */
export const TOPICS: Readonly<Record<string, () => string>> = {
  contract,
  config,
  env,
  "exit-codes": exitCodes,
};
