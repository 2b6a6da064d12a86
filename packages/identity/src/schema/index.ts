export type { Problem, Spell, Validator } from "./problem.ts";
export { schemaProblems } from "./problem.ts";
