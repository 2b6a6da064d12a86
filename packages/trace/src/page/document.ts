import { createHash } from "node:crypto";
import { escapeHtml } from "./escape.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";

/** Nothing is fetched, and no other script runs than ours, whatever a trace has got into the page. */
const POLICY = [
  "default-src 'none'",
  `style-src '${sourceHash(STYLE)}'`,
  `script-src '${sourceHash(SCRIPT)}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * A page up to its first element.
 *
 * @param list the id of its list, and what is in it.
 */
export function documentStart(title: string, list: "steps" | "packs" = "steps"): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#${list}">Skip to the ${list}</a>
`;
}

/** The rest of it. */
export function documentEnd(): string {
  return `<script>${SCRIPT}</script>
</body>
</html>
`;
}

function sourceHash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
