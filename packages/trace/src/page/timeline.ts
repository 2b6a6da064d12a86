import { STEP_KINDS, type StepKind } from "../run/step.ts";

/** The lanes of a timeline, and which kinds of steps run in each. */
const LANES: readonly { readonly name: string; readonly kinds: readonly StepKind[] }[] = [
  { name: "user", kinds: ["user", "system"] },
  { name: "model", kinds: ["llm"] },
  { name: "tool", kinds: ["tool", "retrieval"] },
  { name: "agent", kinds: ["agent"] },
  { name: "other", kinds: ["compaction", "error", "event"] },
];

const MOST_BARS = 240;
const LABEL = 48;
const WIDTH = 1000;
const ROW = 18;

/** The steps of a run in lanes, in order: one bar for each, or for some that follow each other. */
export class Timeline {
  #kinds = new Uint8Array(1024);
  #failed = new Uint8Array(1024);
  #count = 0;

  add(kind: StepKind, failed: boolean): void {
    if (this.#count === this.#kinds.length) {
      this.#kinds = grown(this.#kinds);
      this.#failed = grown(this.#failed);
    }
    this.#kinds[this.#count] = STEP_KINDS.indexOf(kind);
    this.#failed[this.#count] = failed ? 1 : 0;
    this.#count++;
  }

  /** How many steps there are of each kind, in the order of the kinds. */
  counts(): ReadonlyMap<StepKind, number> {
    const counts = new Map<StepKind, number>();
    for (let seq = 0; seq < this.#count; seq++) {
      const kind = STEP_KINDS[this.#kinds[seq] as number] as StepKind;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return new Map([...counts].sort(([a], [b]) => STEP_KINDS.indexOf(a) - STEP_KINDS.indexOf(b)));
  }

  /** A drawing whose bars lead to the steps; what it shows is also in the list of steps. */
  svg(): string {
    const lanes = LANES.filter(({ kinds }) => kinds.some((kind) => this.counts().has(kind)));
    const bars = Math.min(this.#count, MOST_BARS);
    const width = (WIDTH - LABEL) / Math.max(bars, 24);
    const parts = lanes.map(({ name, kinds }, row) => {
      const y = row * ROW;
      const rule = `<line class="rule" x1="${LABEL}" x2="${WIDTH}" y1="${y + ROW - 1}" y2="${y + ROW - 1}"/>`;
      return `<text x="0" y="${y + 12}">${name}</text>${rule}${this.#bars(kinds, { bars, width, y })}`;
    });
    const label = `${this.#count} steps in lanes; the list below has each of them`;
    return `<figure class="lanes"><svg class="lanes" role="img" aria-label="${label}" viewBox="0 0 ${WIDTH} ${lanes.length * ROW}">${parts.join("")}</svg></figure>\n`;
  }

  #bars(
    kinds: readonly StepKind[],
    { bars, width, y }: { readonly bars: number; readonly width: number; readonly y: number },
  ): string {
    const indexes = new Set(kinds.map((kind) => STEP_KINDS.indexOf(kind)));
    let text = "";
    for (let bar = 0; bar < bars; bar++) {
      const from = Math.floor((bar * this.#count) / bars);
      const to = Math.floor(((bar + 1) * this.#count) / bars);
      let [first, here, failed] = [-1, 0, 0];
      for (let seq = from; seq < to; seq++) {
        if (!indexes.has(this.#kinds[seq] as number)) continue;
        if (first === -1) first = seq;
        here++;
        failed += this.#failed[seq] as number;
      }
      if (first === -1) continue;
      const kind = STEP_KINDS[this.#kinds[first] as number] as StepKind;
      const height = Math.max(3, Math.round((12 * here) / (to - from)));
      const what = here === 1 ? `step ${first}: ${kind}` : `${here} steps from ${first}`;
      const rect = `<rect class="${kind}${failed > 0 ? " bad" : ""}" x="${round(LABEL + bar * width)}" y="${y + 15 - height}" width="${round(Math.max(1, width - 1))}" height="${height}"><title>${what}${failed > 0 ? ", failed" : ""}</title></rect>`;
      text += `<a href="#s${first}" tabindex="-1">${rect}</a>`;
    }
    return text;
  }
}

function grown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
