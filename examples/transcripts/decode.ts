import { shareAt } from "./goertzel.ts";
import { MORSE } from "./morse.ts";
import type { Sound } from "./wav.ts";

/** A piece of speech, or what stands for it, as Whisper's JSON has it; times in seconds. */
export interface Segment {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The tone is there or not, from a place on, in steps. */
interface Run {
  readonly on: boolean;
  readonly from: number;
  readonly length: number;
}

/** Seconds from one look at the sound to the next. */
const STEP = 0.005;

const LETTERS = new Map(Object.entries(MORSE).map(([letter, code]) => [code, letter]));

/** What is sent in Morse code; a pause of 12 dots ends a segment. No segments where there is no tone. */
export function decode(sound: Sound): readonly Segment[] {
  const runs = runsOf(sound);
  const dot = dotOf(runs);
  const segments: Segment[] = [];
  let [text, code, start, end] = ["", "", 0, 0];
  const endLetter = (): void => {
    if (code !== "") text += LETTERS.get(code) ?? "\ufffd";
    code = "";
  };
  const endSegment = (): void => {
    endLetter();
    if (text !== "") segments.push({ id: segments.length, start, end, text: text.trim() });
    text = "";
  };
  for (const { on, from, length } of runs) {
    const dots = length / dot;
    if (on) {
      if (text === "" && code === "") start = seconds(from);
      code += dots < 2 ? "." : "-";
      end = seconds(from + length);
    } else if (dots > 12) endSegment();
    else if (dots > 2) {
      endLetter();
      if (dots > 5) text += " ";
    }
  }
  endSegment();
  return segments;
}

function seconds(steps: number): number {
  return Math.round(steps * STEP * 100) / 100;
}

function runsOf(sound: Sound): readonly Run[] {
  const step = Math.round(sound.rate * STEP);
  const window = 2 * step;
  const pitch = pitchOf(sound);
  const loud = Array.from(
    { length: Math.max(0, Math.floor((sound.samples.length - window) / step) + 1) },
    (_, at) => shareAt(sound, at * step, window, pitch) > 0.5,
  );
  const runs: Run[] = [];
  for (const [at, on] of loud.entries()) {
    const last = runs.at(-1);
    if (last?.on === on) runs[runs.length - 1] = { ...last, length: last.length + 1 };
    else runs.push({ on, from: at, length: 1 });
  }
  return runs;
}

/** The frequency with most of the sound. */
function pitchOf(sound: Sound): number {
  const window = Math.round(sound.rate / 40);
  let [pitch, most] = [0, 0];
  for (let frequency = 400; frequency <= 1000; frequency += 20) {
    let share = 0;
    for (let at = 0; at + window <= sound.samples.length; at += window) {
      share += shareAt(sound, at, window, frequency);
    }
    if (share > most) [pitch, most] = [frequency, share];
  }
  return pitch;
}

/** The length of a dot: most sounds and pauses are one, nothing is shorter. */
function dotOf(runs: readonly Run[]): number {
  const lengths = runs.map(({ length }) => length).sort((a, b) => a - b);
  return lengths[Math.floor(lengths.length / 4)] ?? 1;
}
