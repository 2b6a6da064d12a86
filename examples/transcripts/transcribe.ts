// A recording in Morse code to JSON as Whisper writes it:  node transcribe.ts IN OUT
import { readFileSync, writeFileSync } from "node:fs";
import { decode } from "./decode.ts";
import { soundOf } from "./wav.ts";

const [from = "", to = ""] = process.argv.slice(2);
const segments = decode(soundOf(readFileSync(from)));
const text = segments.map((segment) => segment.text).join(" ");
writeFileSync(to, JSON.stringify({ text, segments }));
