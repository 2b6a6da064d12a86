import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pages, type Scale } from "../corpus.ts";
import { ctxpack } from "../programs.ts";

const PIPELINE = fileURLToPath(new URL("./pipeline.js", import.meta.url));

/** The chunk sizes of the published run. */
export const CHUNK_SIZES = [512, 256] as const;
export type ChunkSize = (typeof CHUNK_SIZES)[number];

/** What the prototype hashed: a name stands for the corpus, so no byte of a page is part of it. */
export const PUBLISHED: Readonly<Record<ChunkSize, string>> = {
  512: "ctx://sha256:32f300048d8dd5a2c88f24d45a3d849503fda3507de626cd3b080e445edf3855",
  256: "ctx://sha256:e19a68d416a7da32c1ffcd1296f8d57e052019d8ce1d69726b8f6bb8c273d806",
};

/** The variable that tells the pipeline how many milliseconds stand for the work on one of the six chunks. */
const PAUSE = "BENCH_PAUSE_MS";
const PAUSE_MS = 1400;

/** How many chunks the pipeline makes. */
export const CHUNKS = 6;

/** Which page the fourth scenario changes, and where. */
const EDITED = { page: "page-0800.txt", at: 15_000 };

/** A folder with the published run's corpus and its pipeline as contracts of ours. */
export class Project {
  readonly dir: string;
  readonly corpus: { readonly files: number; readonly bytes: number };
  /** Of `index.vec`. */
  readonly megabytes: number;
  /** Milliseconds that stand for the work on a chunk. */
  readonly pauseMs: number;
  /** What the command is started with. */
  readonly env: Readonly<Record<string, string>>;
  readonly #original: number;

  constructor(dir: string, o: { readonly scale: Scale; readonly noSleep: boolean }) {
    this.dir = dir;
    this.megabytes = o.scale === "full" ? 50 : 1;
    this.pauseMs = o.noSleep ? 0 : PAUSE_MS;
    this.env = { [PAUSE]: String(this.pauseMs) };
    mkdirSync(dir, { recursive: true });
    const corpus = pages(join(dir, "corpus"), o.scale);
    this.corpus = corpus;
    copyFileSync(PIPELINE, join(dir, "pipeline.js"));
    for (const size of CHUNK_SIZES) {
      write(this.contract(size), this.#recipe(size));
      write(join(dir, `prototype-${size}.json`), prototype(size));
    }
    this.#original = readFileSync(this.#edited).at(EDITED.at % this.#pageBytes) ?? 0;
  }

  /** The contract's file. */
  contract(size: ChunkSize): string {
    return join(this.dir, `contract-${size}.json`);
  }

  /** The file that it makes. */
  get index(): string {
    return join(this.dir, "index/index.vec");
  }

  /** The identity of the prototype. */
  v0(size: ChunkSize): string {
    return ctxpack(["id", "--profile", "v0", join(this.dir, `prototype-${size}.json`)], this.dir);
  }

  /** Ours. */
  v1(size: ChunkSize, store: string): string {
    return ctxpack(["id", this.contract(size)], store);
  }

  /** Makes one byte of one page another one, or what it was. */
  editPage(edited: boolean): void {
    const bytes = readFileSync(this.#edited);
    const at = EDITED.at % this.#pageBytes;
    const value = edited ? this.#original ^ 1 : this.#original;
    if (bytes[at] === value) return;
    bytes[at] = value;
    writeFileSync(this.#edited, bytes);
  }

  get #edited(): string {
    const { page } = EDITED;
    return join(this.dir, "corpus", this.corpus.files === 1600 ? page : "page-0008.txt");
  }

  get #pageBytes(): number {
    return this.corpus.bytes / this.corpus.files;
  }

  #recipe(size: ChunkSize): object {
    return {
      name: "published-index",
      inputs: [{ name: "corpus", path: "./corpus" }],
      command: [
        ...["node", "pipeline.js", "{in:corpus}", "{out}"],
        ...[size, this.megabytes].map(String),
      ],
      transforms: [
        {
          tool: "vision-ocr",
          tool_version: "2.1",
          model: "text-embedding-3-large",
          code: ["pipeline.js"],
          params: { chunk_size: size, strategy: "semantic", dpi: 300 },
        },
      ],
      outputs: [{ path: "./index" }],
      // How long it takes decides nothing.
      pass_env: [PAUSE],
    };
  }
}

/** The contract of the published run, as it was. */
function prototype(size: ChunkSize): object {
  return {
    dataset: "SEC_10K_CORPUS_2025",
    model: "text-embedding-3-large",
    tool: "vision-ocr",
    tool_version: "2.1",
    params: { chunk_size: size, strategy: "semantic", dpi: 300 },
  };
}

function write(file: string, value: object): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
