export { ctx } from "./ctx.ts";
export { main } from "./main.ts";
