// Speech to JSON of the same form, by whisper.cpp's `whisper-cli`:  node whisper.ts MODEL IN OUT
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What whisper.cpp writes of a segment; times in milliseconds. */
interface Spoken {
  readonly offsets: { readonly from: number; readonly to: number };
  readonly text: string;
}

const [model = "", from = "", to = ""] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "whisper-"));
try {
  const stem = join(folder, "out");
  const { error, status } = spawnSync(
    "whisper-cli",
    ["--model", model, "--file", from, "--output-json", "--output-file", stem],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  if (error) throw error;
  if (status !== 0) throw new Error(`whisper-cli ended with ${status}`);
  const { transcription } = JSON.parse(readFileSync(`${stem}.json`, "utf8")) as {
    readonly transcription: readonly Spoken[];
  };
  const segments = transcription.map(({ offsets, text }, id) => ({
    id,
    start: offsets.from / 1000,
    end: offsets.to / 1000,
    text: text.trim(),
  }));
  const text = segments.map((segment) => segment.text).join(" ");
  writeFileSync(to, JSON.stringify({ text, segments }));
} finally {
  rmSync(folder, { recursive: true });
}
