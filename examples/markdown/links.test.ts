// Every link between our documents leads to a file of the repository, and to a heading that is there. What lies elsewhere
// is counted, not asked: tests need no network.
import { posix } from "node:path";
import { expect, test } from "vitest";
import { type MarkdownDocument, parseDocument, readDocument, repositoryFiles } from "./document.ts";

/** Where links do not lead to, as `file:line: target`; and the hosts of others. */
function follow(documents: readonly MarkdownDocument[], files: readonly string[]) {
  const there = new Set(files);
  for (const file of files) {
    for (let dir = posix.dirname(file); dir !== "."; dir = posix.dirname(dir)) there.add(dir);
  }
  const known = new Map(documents.map((document) => [document.path, document]));
  const broken: string[] = [];
  const external: string[] = [];
  let checked = 0;
  for (const document of documents) {
    for (const { line, target } of document.links) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) {
        external.push(target);
        continue;
      }
      checked++;
      const [file = "", anchor] = decodeURI(target).split("#");
      const path =
        file === "" ? document.path : posix.join(posix.dirname(document.path), file || ".");
      const at = path.replace(/\/$/, "");
      const anchors = known.get(at)?.anchors;
      const leads = there.has(at) && (anchor === undefined || (anchors?.has(anchor) ?? true));
      if (!leads) broken.push(`${document.path}:${line}: ${target}`);
    }
  }
  return { broken, checked, external };
}

test("links of all documents lead somewhere", () => {
  const files = repositoryFiles();
  const documents = files.filter((path) => path.endsWith(".md")).map(readDocument);
  const { broken, checked, external } = follow(documents, files);
  console.log(
    `links of ${documents.length} documents: ${checked} checked, ${external.length} to other places not`,
  );
  expect(broken).toEqual([]);
  expect(checked).toBeGreaterThan(50);
});

test("a file or heading that is not there is found", () => {
  const text = `# A b, \`c\`
[1](#a-b-c) [2](other.md#x-1) [3](gone.md) [4](#gone) \`[5](code.md)\` [6](../docs) [7](https://e.example)
\`\`\`
[8](block.md)
\`\`\`
[9]: other.md#gone
`;
  const documents = [parseDocument("docs/a.md", text), parseDocument("docs/other.md", "# X\n## X")];
  const { broken, checked, external } = follow(documents, ["docs/a.md", "docs/other.md"]);
  expect(broken).toEqual([
    "docs/a.md:2: gone.md",
    "docs/a.md:2: #gone",
    "docs/a.md:6: other.md#gone",
  ]);
  expect([checked, external]).toEqual([6, ["https://e.example"]]);
});
