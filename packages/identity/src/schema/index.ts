export type { DocumentRules, ParsedDocument } from "../source/document.ts";
export { parseDocument } from "../source/document.ts";
export type { Problem, Spell, Validator } from "./problem.ts";
export { schemaProblems } from "./problem.ts";
