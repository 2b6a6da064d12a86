import { runProgram } from "../programs.ts";

/** What the documents are: what makes text of them is another program. */
export type Kind = "pdf" | "html";

/** One step from documents to an index; its input is the output of the one before it. */
export interface Stage {
  readonly name: string;
  /** `ctxpack map`, one result for each file, or `ctxpack run`, one for all. */
  readonly command: "map" | "run";
  /** The folder of its results. */
  readonly folder: string;
  /** The contract but for its input, which is called `in`. */
  readonly contract: Readonly<Record<string, unknown>>;
  /** Flags beside `--contract`. */
  readonly flags: readonly string[];
}

/** The folder of the documents. */
export const DOCUMENTS = "docs";

/** Documents to text, text to pages, pages to chunks, chunks to vectors, vectors to an index. */
export function stagesOf(kind: Kind): readonly Stage[] {
  return [
    kind === "pdf"
      ? pdfText()
      : mapping("extract", { tool: "html-text", folder: "text", end: ".txt" }),
    running("pages", { tool: "pages" }),
    mapping("chunk", { tool: "chunks", folder: "chunks", end: ".json" }),
    mapping("embed", { tool: "embed", folder: "vectors", end: ".f32" }),
    running("index", { tool: "join-vectors", code: ["embed.ts"] }),
  ];
}

function pdfText(): Stage {
  const command = ["pdftotext", "-enc", "UTF-8", "{in}", "{out}"];
  const transforms = [{ tool: "pdftotext", tool_version: versionOfPdftotext() }];
  return {
    name: "extract",
    command: "map",
    folder: "text",
    contract: { command, transforms, outputs: [{ path: "text/{path}.txt" }] },
    flags: ["-j", "2"],
  };
}

function versionOfPdftotext(): string {
  // `-v` is said on stderr.
  return (
    /[0-9][0-9.]*/.exec(runProgram("sh", ["-c", "pdftotext -v 2>&1 | head -1"]))?.[0] ?? "unknown"
  );
}

function mapping(
  name: string,
  { tool, folder, end }: { readonly tool: string; readonly folder: string; readonly end: string },
): Stage {
  const outputs = [{ path: `${folder}/{path}${end}` }];
  const contract = { ...transform(tool), outputs };
  return { name, command: "map", folder, contract, flags: ["-j", "2", "--batch", "100"] };
}

function running(
  name: string,
  { tool, code = [] }: { readonly tool: string; readonly code?: readonly string[] },
): Stage {
  const contract = { ...transform(tool, code), outputs: [{ path: `${name}/` }] };
  return { name, command: "run", folder: name, contract, flags: [] };
}

/** The tools lie beside the contracts. */
function transform(tool: string, code: readonly string[] = []): Readonly<Record<string, unknown>> {
  const file = `${tool}.ts`;
  return {
    command: ["node", file, "{in}", "{out}"],
    transforms: [{ tool, tool_version: "1", code: [file, ...code] }],
  };
}
