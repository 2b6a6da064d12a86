export { documentEnd, documentStart } from "./document.ts";
export { escapeHtml } from "./escape.ts";
export { factsHtml, number } from "./facts.ts";
