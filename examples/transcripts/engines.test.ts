// What transcribes: the decoder over known texts, and whisper.cpp's place with a stand-in for it.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { environment } from "../workplace.ts";
import { decode } from "./decode.ts";
import { MORSE } from "./morse.ts";
import { record } from "./record.ts";
import { soundOf, wavOf } from "./wav.ts";

const here = import.meta.dirname;
const ctxpack = join(here, "../../packages/cli/bin/ctxpack.cjs");
const letters = Object.keys(MORSE)
  .join("")
  .replace(/(.{8})/g, "$1 ");
const text = `the key is at the front desk\n${letters.trim()}\nice on the mast`;

test.each([
  { wordsPerMinute: 12, pitch: 700, noise: 0, seed: 1 },
  { wordsPerMinute: 25, pitch: 500, noise: 0.2, seed: 2 },
  { wordsPerMinute: 33, pitch: 617, noise: 0.5, seed: 3 },
  { wordsPerMinute: 40, pitch: 755, noise: 0.2, seed: 4 },
])("a text comes back: %o", (hand) => {
  const segments = decode(soundOf(Buffer.from(wavOf(record(text, hand)))));
  expect(segments.map((segment) => segment.text)).toEqual(text.split("\n"));
  expect(segments.map(({ id }) => id)).toEqual([0, 1, 2]);
});

test("a segment says when its line begins and ends", () => {
  // A dot is 0.05 s; `e` is one dot long, `t` three, a line is followed by 20.
  const hand = { wordsPerMinute: 24, pitch: 600, noise: 0.1, seed: 5 };
  const [first, second] = decode(record("ee\nte", hand));
  expect(first).toMatchObject({ text: "ee", start: expect.closeTo(0, 1) });
  expect(first?.end).toBeCloseTo(0.25, 1);
  expect(second).toMatchObject({ text: "te", start: expect.closeTo(1.25, 1) });
  expect(second?.end).toBeCloseTo(1.6, 1);
});

test("noise and silence say nothing", () => {
  const hand = { wordsPerMinute: 25, pitch: 600, noise: 0.2, seed: 6 };
  const { rate, samples } = record("e", hand);
  const pause = samples.slice(Math.floor(samples.length / 4));
  expect(decode({ rate, samples: pause })).toEqual([]);
  expect(decode({ rate, samples: new Int16Array(8000) })).toEqual([]);
  expect(decode({ rate, samples: new Int16Array(0) })).toEqual([]);
});

test("a WAV file of another kind is an error that says which", () => {
  const sound = { rate: 8000, samples: Int16Array.of(1, -2, 3) };
  const file = Buffer.from(wavOf(sound));
  expect(soundOf(file)).toEqual(sound);
  const stereo = Buffer.from(file);
  stereo.writeUInt16LE(2, 22);
  expect(() => soundOf(stereo)).toThrow("2 channels of 16 bits in format 1");
  expect(() => soundOf(Buffer.from("OggS"))).toThrow("not a WAV file");
  expect(() => soundOf(file.subarray(0, 36))).toThrow("a WAV file without sound");
});

test("whisper.cpp in the contract: it is called, its JSON gets our form, and its model is part of every key", () => {
  using folder = scratchFolder();
  const at = (name: string) => join(folder.path, name);
  // A stand-in that says what it was given.
  const program = `#!/bin/sh
[ "$1 $3 $5 $6" = "--model --file --output-json --output-file" ] || exit 3
echo '{"result":{"language":"en"},"transcription":[
  {"timestamps":{"from":"00:00:00,000","to":"00:00:02,500"},"offsets":{"from":0,"to":2500},"text":" '"$(cat "$2")"'"},
  {"timestamps":{"from":"00:00:02,500","to":"00:00:04,120"},"offsets":{"from":2500,"to":4120},"text":" '"$(cat "$4")"'"}
]}' > "$7.json"
`;
  writeFileSync(at("whisper-cli"), program, { mode: 0o755 });
  for (const name of ["transcribe.whisper.yaml", "whisper.ts"]) cpSync(join(here, name), at(name));
  writeFileSync(at("ggml-base.en.bin"), "a model");
  mkdirSync(at("recordings"));
  writeFileSync(at("recordings/a.wav"), "a recording");
  const { PATH, ...env } = environment();
  const map = ["map", "--contract", "transcribe.whisper.yaml", "--in", "recordings"];
  const transcript = (path: string) => {
    const { status, stderr } = spawnSync(process.execPath, [ctxpack, ...map], {
      cwd: folder.path,
      encoding: "utf8",
      env: { ...env, PATH: path, CTXPACK_CACHE_DIR: at("store") },
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(readFileSync(at("transcripts/a.wav.json"), "utf8"));
  };
  expect(transcript(`${folder.path}:${PATH}`)).toEqual({
    text: "a model a recording",
    segments: [
      { id: 0, start: 0, end: 2.5, text: "a model" },
      { id: 1, start: 2.5, end: 4.12, text: "a recording" },
    ],
  });
  writeFileSync(at("ggml-base.en.bin"), "another model");
  expect(transcript(`${folder.path}:${PATH}`).text).toBe("another model a recording");
  writeFileSync(at("recordings/a.wav"), "a new recording");
  expect(() => transcript(dirname(process.execPath))).toThrow(/whisper-cli.*ENOENT/);
});

test("the README shows transcribe.whisper.yaml as it is, which is run as the other one", () => {
  const contract = readFileSync(join(here, "transcribe.whisper.yaml"), "utf8");
  expect(readFileSync(join(here, "README.md"), "utf8")).toContain(`\`\`\`yaml\n${contract}\`\`\``);
  const ours = parse(readFileSync(join(here, "transcribe.yaml"), "utf8"));
  expect(parse(contract)).toMatchObject({ inputs: [ours.inputs[0], {}], outputs: ours.outputs });
});
