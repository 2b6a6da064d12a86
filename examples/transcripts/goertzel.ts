import type { Sound } from "./wav.ts";

/**
 * How much of the energy of samples is at a frequency, from 0 to 1 (Goertzel's algorithm: one term of a Fourier transform);
 * a pure tone has almost all, white noise `2 / count`.
 */
export function shareAt(sound: Sound, from: number, count: number, frequency: number): number {
  const { rate, samples } = sound;
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / rate);
  let [before, last, energy] = [0, 0, 0];
  for (let at = from; at < from + count; at++) {
    const sample = samples[at] ?? 0;
    [before, last] = [last, sample + coefficient * last - before];
    energy += sample * sample;
  }
  if (energy === 0) return 0;
  const power = last * last + before * before - coefficient * last * before;
  return (2 * power) / (count * energy);
}
