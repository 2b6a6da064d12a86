/**
 * Writes the WebAssembly that searches for cuts as a TypeScript module, so that nothing at run time needs an assembler or
 * another file. Run it after a change of the text below: `node scripts/assemble-gear.ts`.
 */
import { writeFileSync } from "node:fs";
import openWabt from "wabt";

/** Relative to the repository's root. */
export const GEAR_MODULE = "packages/cache/src/pack/gear.generated.ts";

/** Bytes of each quarter between two looks at whether one of them ended a segment. */
const STEP = 16;

/** Where things lie in the memory: the gear table is at its start. */
const STATES = 1024;
const DATA = 2048;
/** Bytes that may be searched at once. */
const ROOM = 2 ** 18;
const PAGE = 2 ** 16;

/**
 * Four quarters of a range at a time, a lane for each: h moves on by one byte in all of them with one addition, and the
 * least h of `STEP` bytes tells whether its upper bits were all zero somewhere, for h is unsigned then.
 */
function gearText(): string {
  const quarters = ["a", "b", "c", "d"];
  const entry = (byte: number, quarter: string): string =>
    `(i32.shl (i32.load8_u offset=${byte} (local.get $${quarter})) (i32.const 2))`;
  const entries = (byte: number): string =>
    quarters.reduce(
      (others, quarter, lane) =>
        lane === 0
          ? `(v128.load32_zero ${entry(byte, quarter)})`
          : `(v128.load32_lane ${lane} ${entry(byte, quarter)} ${others})`,
      "",
    );
  const steps = Array.from(
    { length: STEP },
    (_, byte) => `
      (local.set $h (i32x4.add (i32x4.shl (local.get $h) (i32.const 1)) ${entries(byte)}))
      (local.set $least (i32x4.min_u (local.get $least) (local.get $h)))`,
  );
  const moves = quarters.map(
    (quarter) => `(local.set $${quarter} (i32.add (local.get $${quarter}) (i32.const ${STEP})))`,
  );
  return `(module
  (memory (export "memory") ${Math.ceil((DATA + ROOM) / PAGE)})
  ;; Bytes of each quarter, of \`quarter\` bytes, before the ${STEP} of which one leads to an h below \`limit\`;
  ;; leaves each quarter's h after them.
  (func (export "search") (param $quarter i32) (param $limit i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $end i32)
    (local $h v128) (local $before v128) (local $least v128) (local $limits v128)
    (local.set $a (i32.const ${DATA}))
    (local.set $b (i32.add (local.get $a) (local.get $quarter)))
    (local.set $c (i32.add (local.get $b) (local.get $quarter)))
    (local.set $d (i32.add (local.get $c) (local.get $quarter)))
    (local.set $end (local.get $b))
    (local.set $h (v128.load (i32.const ${STATES})))
    (local.set $limits (i32x4.splat (local.get $limit)))
    (block $found (loop $next
      (local.set $before (local.get $h))
      (br_if $found (i32.ge_u (local.get $a) (local.get $end)))
      (local.set $least (v128.const i32x4 -1 -1 -1 -1))
      ${steps.join("")}
      (br_if $found (v128.any_true (i32x4.lt_u (local.get $least) (local.get $limits))))
      ${moves.join("\n      ")}
      (br $next)))
    (v128.store (i32.const ${STATES}) (local.get $before))
    (i32.sub (local.get $a) (i32.const ${DATA}))))`;
}

/** The text of the module. */
export async function assembleGear(): Promise<string> {
  const wabt = await openWabt();
  const parsed = wabt.parseWat("gear.wat", gearText(), { simd: true });
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  const code = Buffer.from(buffer).toString("base64");
  return [
    "// Written by scripts/assemble-gear.ts; not edited by hand.",
    "// biome-ignore-all format: generated",
    "/** Places in the memory, and sizes, in bytes. */",
    `export const GEAR_LAYOUT = { states: ${STATES}, data: ${DATA}, room: ${ROOM}, step: ${STEP} } as const;`,
    "/** The WebAssembly, in base64. */",
    `export const GEAR_CODE = "${code}";`,
    "",
  ].join("\n");
}

if (import.meta.main) {
  writeFileSync(new URL(`../${GEAR_MODULE}`, import.meta.url), await assembleGear());
}
