// Texts to recordings in Morse code, so that it is known what they say:  node record.ts FOLDER OUT
import { hash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MORSE } from "./morse.ts";
import { type Sound, wavOf } from "./wav.ts";

/** How it is sent. */
export interface Hand {
  readonly wordsPerMinute: number;
  /** In Hz. */
  readonly pitch: number;
  /** Of white noise, as a part of the tone's amplitude. */
  readonly noise: number;
  readonly seed: number;
}

const RATE = 8000;
const LOUD = 12_000;

/** A text as a tone that is on and off; a pause of 20 dots comes after each line. */
export function record(text: string, { wordsPerMinute, pitch, noise, seed }: Hand): Sound {
  const units = text
    .trim()
    .split("\n")
    .map((line) => `${line.split(" ").map(keyed).join("0000000")}${"0".repeat(20)}`)
    .join("");
  // The word PARIS is 50 dots long.
  const dot = Math.round((RATE * 60) / (50 * wordsPerMinute));
  let state = seed;
  const samples = Int16Array.from({ length: units.length * dot }, (_, at) => {
    const tone =
      units[Math.floor(at / dot)] === "1" ? Math.sin((2 * Math.PI * pitch * at) / RATE) : 0;
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return LOUD * (tone + noise * (state / 2 ** 31 - 1));
  });
  return { rate: RATE, samples };
}

/** A word, a digit for each dot's time: 1 is sound. */
function keyed(word: string): string {
  return [...word]
    .map((letter) => {
      const code = MORSE[letter];
      if (code === undefined) throw new Error(`no Morse code for ${JSON.stringify(letter)}`);
      return [...code].map((sign) => (sign === "." ? "1" : "111")).join("0");
    })
    .join("000");
}

if (import.meta.main) {
  const [from, to] = process.argv.slice(2);
  if (from === undefined || to === undefined) throw new Error("usage: node record.ts FOLDER OUT");
  mkdirSync(to, { recursive: true });
  for (const path of globSync("*.txt", { cwd: from })) {
    // Each has a hand of its own, the same every time.
    const [speed = 0, pitch = 0, seed = 0] = hash("sha256", path, "buffer");
    const hand = { wordsPerMinute: 25 + (speed % 16), pitch: 500 + pitch, noise: 0.2, seed };
    const text = readFileSync(join(from, path), "utf8");
    writeFileSync(join(to, path.replace(/\.txt$/, ".wav")), wavOf(record(text, hand)));
  }
}
