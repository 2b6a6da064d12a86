import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** How large the corpora are: `full` for figures, `smoke` only to show that everything runs. */
export type Scale = "full" | "smoke";

export interface Corpus {
  readonly dir: string;
  readonly files: number;
  readonly bytes: number;
  /** What it is, for a table's heading. */
  readonly title: string;
}

const MB = 1_000_000;

/** 20,000 files of 4 KB in 100 folders: what a walk and an open cost. */
export function smallFiles(dir: string, scale: Scale): Corpus {
  const writer = new CorpusWriter(dir, 1);
  const count = scale === "full" ? 20_000 : 200;
  for (let i = 0; i < count; i++) {
    writer.file(`${pad(i % 100, 2)}/${pad(i, 5)}.bin`, 4096, writer.source.noise);
  }
  return writer.corpus(`${count.toLocaleString("en")} files of 4 KB`);
}

/** Files of 1 KB of text, a thousand to a folder. */
export function tinyFiles(dir: string, count: number): Corpus {
  const writer = new CorpusWriter(dir, 6);
  for (let i = 0; i < count; i++) {
    writer.file(`${pad(Math.floor(i / 1000), 4)}/${pad(i, 7)}.txt`, 1000, writer.source.text);
  }
  return writer.corpus(`${count.toLocaleString("en")} files of 1 KB`);
}

/** One file of 2 GB: what hashing costs when nothing else does. */
export function singleFile(dir: string, scale: Scale): Corpus {
  const writer = new CorpusWriter(dir, 5);
  writer.file("single.bin", (scale === "full" ? 2000 : 3) * MB, writer.source.noise);
  return writer.corpus(`one file of ${gigabytes(writer.bytes)}`);
}

/** An artifact of 1 GB and 220 files of 1 MB that belong to it. */
export function artifactAndBundle(dir: string, scale: Scale): Corpus {
  const writer = new CorpusWriter(dir, 7);
  const size = scale === "full" ? MB : 1000;
  writer.file("artifact.bin", 1000 * size, writer.source.noise);
  for (let i = 0; i < 220; i++) writer.file(`bundle/${pad(i, 3)}.bin`, size, writer.source.noise);
  return writer.corpus(`an artifact of ${gigabytes(1000 * size)} and 220 files of ${size} bytes`);
}

/** 1 GB as an embedding job leaves it: JSON lines, float vectors, incompressible data, 8,000 texts. */
export function mixed(dir: string, scale: Scale): Corpus {
  return scaledMix(dir, scale === "full" ? 1 : 0.004);
}

/** `part` of the mixed gigabyte: the files are larger and the texts more. */
export function scaledMix(dir: string, part: number): Corpus {
  const writer = new CorpusWriter(dir, 2);
  writer.file("chunks.jsonl", Math.round(250 * MB * part), writer.source.jsonLines);
  writer.file("vectors.f32", Math.round(400 * MB * part), writer.source.floats);
  writer.file("index.bin", Math.round(100 * MB * part), writer.source.noise);
  for (let i = 0; i < 8000 * part; i++) {
    writer.file(`text/${pad(i % 80, 2)}/${pad(i, 4)}.txt`, 31_250, writer.source.text);
  }
  return writer.corpus(`${gigabytes(writer.bytes)} mixed`);
}

/** 50 MB of text in 1,600 files: a documentation corpus. */
export function texts(dir: string, scale: Scale): Corpus {
  const writer = new CorpusWriter(dir, 3);
  const count = scale === "full" ? 1600 : 40;
  for (let i = 0; i < count; i++) {
    writer.file(`${pad(i % 40, 2)}/${pad(i, 4)}.md`, 31_250, writer.source.text);
  }
  return writer.corpus(`${gigabytes(writer.bytes)} of text in ${count.toLocaleString("en")} files`);
}

/** The published run's corpus: 1,600 pages of text, 50 MB. */
export function pages(dir: string, scale: Scale): Corpus {
  const writer = new CorpusWriter(dir, 8);
  const count = scale === "full" ? 1600 : 16;
  for (let i = 0; i < count; i++) writer.file(`page-${pad(i, 4)}.txt`, 31_250, writer.source.text);
  return writer.corpus(`${gigabytes(writer.bytes)} in ${count.toLocaleString("en")} pages`);
}

function pad(n: number, width: number): string {
  return String(n).padStart(width, "0");
}

function gigabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

class CorpusWriter {
  readonly dir: string;
  readonly source: Source;
  files = 0;
  bytes = 0;
  readonly #buffer = Buffer.allocUnsafe(1 << 20);

  constructor(dir: string, seed: number) {
    this.dir = dir;
    this.source = new Source(seed);
    mkdirSync(dir, { recursive: true });
  }

  /** Writes `size` bytes of what `fill` gives to `path`. */
  file(path: string, size: number, fill: Fill): void {
    mkdirSync(join(this.dir, path, ".."), { recursive: true });
    const fd = openSync(join(this.dir, path), "wx");
    try {
      for (let left = size; left > 0; left -= this.#buffer.length) {
        const chunk = this.#buffer.subarray(0, Math.min(left, this.#buffer.length));
        fill(chunk);
        writeSync(fd, chunk);
      }
    } finally {
      closeSync(fd);
    }
    this.files++;
    this.bytes += size;
  }

  corpus(title: string): Corpus {
    return { dir: this.dir, files: this.files, bytes: this.bytes, title };
  }
}

/** Fills the whole buffer with the next bytes of a deterministic stream. */
type Fill = (into: Buffer) => void;

/** Deterministic content: the same seed and the same calls give the same bytes on every machine. */
export class Source {
  #state: number;
  readonly #words: readonly Buffer[];
  #line = 0;

  constructor(seed: number) {
    this.#state = seed * 0x9e3779b1;
    this.#words = Array.from({ length: 2 ** 14 }, () => Buffer.from(`${this.#word()} `));
  }

  readonly noise: Fill = (into) => {
    for (let i = 0; i < into.length; i += 4) into.writeUInt32LE(this.#bits(), i);
  };

  /** Values in [-1, 1) as 32-bit floats: barely compressible, as embeddings are. */
  readonly floats: Fill = (into) => {
    for (let i = 0; i < into.length; i += 4) into.writeFloatLE(this.#bits() / 2 ** 31 - 1, i);
  };

  readonly text: Fill = (into) => {
    let at = 0;
    while (at < into.length) at += this.#randomWord().copy(into, at);
  };

  readonly jsonLines: Fill = (into) => {
    let at = 0;
    while (at < into.length) {
      at += into.write(`{"id":${this.#line++},"score":${this.#bits() / 2 ** 32},"text":"`, at);
      for (let i = 0; i < 60 && at < into.length; i++) at += this.#randomWord().copy(into, at);
      at += into.write('"}\n', at);
    }
  };

  /** Frequent words are frequent, rare ones rare (about log-uniform ranks), as in natural text. */
  #randomWord(): Buffer {
    const octave = 2 ** (this.#bits() % 14);
    return this.#words[octave + (this.#bits() % octave)] ?? Buffer.from("the ");
  }

  #word(): string {
    let word = "";
    for (let i = 2 + (this.#bits() % 4); i > 0; i--) {
      word += "bcdfghklmnprstvw"[this.#bits() & 15];
      word += "aeiou"[this.#bits() % 5];
    }
    return word;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#bits() % Math.floor(limit);
  }

  /** xorshift32. */
  #bits(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}
