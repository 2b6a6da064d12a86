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

/** What a user would turn: how long a piece is at most, in characters, and how many numbers a vector has. */
export interface Settings {
  readonly chunkSize: number;
  readonly dimensions: number;
}

export const DEFAULTS: Settings = { chunkSize: 1000, dimensions: 256 };

/** The folder of the documents. */
export const DOCUMENTS = "docs";

/** Documents to text, text to pages, pages to chunks, chunks to vectors, vectors to an index. */
export function stagesOf(kind: Kind, settings: Settings = DEFAULTS): readonly Stage[] {
  const { chunkSize, dimensions } = settings;
  return [
    kind === "pdf"
      ? pdfText()
      : mapping("extract", { tool: "html-text", folder: "text", end: ".txt" }),
    running("pages", { tool: "pages" }),
    mapping("chunk", {
      tool: "chunks",
      folder: "chunks",
      end: ".json",
      flag: `--size=${chunkSize}`,
    }),
    mapping("embed", {
      tool: "embed",
      folder: "vectors",
      end: ".f32",
      flag: `--dimensions=${dimensions}`,
    }),
    running("index", { tool: "join-vectors", flag: `--dimensions=${dimensions}` }),
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

/** A tool that makes of each file one that ends in `end`; `flag` is of its command, and so of the contract. */
interface Mapping {
  readonly tool: string;
  readonly folder: string;
  readonly end: string;
  readonly flag?: string;
}

function mapping(name: string, { tool, folder, end, flag }: Mapping): Stage {
  const outputs = [{ path: `${folder}/{path}${end}` }];
  const contract = { ...transform(tool, flag), outputs };
  return { name, command: "map", folder, contract, flags: ["-j", "2", "--batch", "100"] };
}

function running(
  name: string,
  { tool, flag }: { readonly tool: string; readonly flag?: string },
): Stage {
  const contract = { ...transform(tool, flag), outputs: [{ path: `${name}/` }] };
  return { name, command: "run", folder: name, contract, flags: [] };
}

/** The tools lie beside the contracts. */
function transform(tool: string, flag?: string): Readonly<Record<string, unknown>> {
  const file = `${tool}.ts`;
  return {
    command: ["node", file, ...(flag === undefined ? [] : [flag]), "{in}", "{out}"],
    transforms: [{ tool, tool_version: "1", code: [file] }],
  };
}
