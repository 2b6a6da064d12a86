import schema from "@ctxpack/identity/schemas/contract.v1.json" with { type: "json" };
import { formatTable } from "../format.ts";

/** `ctxpack help contract`: the members that the published schema describes. */
export function contract(): string {
  const { input, transform, output } = schema.$defs;
  return [
    `  name: handbook
  inputs: [{name: docs, path: ./docs, include: ["**/*.md"]}]
  command: [node, embed.js, "{in:docs}", "{out}"]
  transforms: [{tool: embed, tool_version: "1.2", model: small, code: ["src/**"], params: {chunk: 512}}]
  outputs: [{path: ./index}]`,
    "A contract says what a result depends on, in JSON or YAML. Its hash, with every path replaced by the digest of what\n" +
      "is there, is the URI. ctxpack init writes one, ctxpack id hashes one.",
    section("members", schema),
    section("inputs: each has a name and one of path, pack, value, digest", input),
    section("transforms: each has a tool", transform),
    section("outputs", output),
  ].join("\n\n");
}

function section(title: string, { properties }: { readonly properties: object }): string {
  const rows = Object.entries(properties).map(([name, member]) => [
    `  ${name}`,
    (member as { readonly description?: string }).description ?? "",
  ]);
  return `${title}\n${formatTable(rows)}`;
}
