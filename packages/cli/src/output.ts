import type { Failure } from "./exit.ts";
import { harmless, jsonText } from "./harmless.ts";
import type { Stream } from "./stream.ts";

/** How the person or program asked to be answered. */
export interface OutputOptions {
  readonly json: boolean;
  readonly plain: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  /** Whether stderr is somewhere that `draw` makes sense. */
  readonly drawable: boolean;
}

/** stdout is the result, stderr is everything else. */
export class Output {
  readonly options: OutputOptions;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  /** Lines that `draw` has on the terminal. */
  #drawn = 0;
  /** Of the trace that the command belongs to: every line on stderr says so from then on. */
  traceId: string | undefined;

  constructor(stdout: Stream, stderr: Stream, options: OutputOptions) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.options = options;
  }

  /** The result: `text` for a person or a pipe, `value` with `schemaVersion` under `--json`. */
  result(text: string, value: Readonly<Record<string, unknown>>): void {
    this.clear();
    if (this.options.json) this.line(value);
    else if (text !== "") this.#stdout.write(`${text}\n`);
  }

  /** One JSON object on a line of stdout, with `schemaVersion`. */
  line(value: Readonly<Record<string, unknown>>): void {
    this.#stdout.write(`${jsonText({ schemaVersion: 1, ...value })}\n`);
  }

  /** Bytes of the result exactly as they are. Settles when the stream took them: that is the backpressure. */
  async bytes(chunk: Uint8Array): Promise<void> {
    this.clear();
    // A copy: the pipe may still read it when the producer reuses its buffer.
    const own = chunk.slice();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#stdout.write(own, (error) => (error ? reject(error) : resolve()));
    await promise;
  }

  /** Bytes of a command's own, on stderr; `--quiet` is none of its business. */
  async passOn(chunk: Uint8Array): Promise<void> {
    this.clear();
    const own = chunk.slice();
    const { promise, resolve } = Promise.withResolvers<void>();
    // Who does not listen any more does not end the command.
    this.#stderr.write(own, () => resolve());
    await promise;
  }

  get terminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** A line on stderr that `--quiet` silences. */
  note(text: string): void {
    this.#say("", text);
  }

  /** Lines on the terminal that the next ones replace, and any other output takes away. */
  draw(...lines: readonly string[]): void {
    // Some terminals say 0 columns.
    const width = (this.#stderr.columns || 80) - 1;
    // Written over, and what is longer cut off after: a line that is emptied first flickers.
    const text = lines.map((line) => `${line.slice(0, width)}\x1b[K`).join("\n");
    const rest = this.#drawn > lines.length ? "\x1b[J" : "";
    this.#stderr.write(`${this.#first()}${text}${rest}`);
    this.#drawn = lines.length;
  }

  /** Takes the drawn lines away. */
  clear(): void {
    if (this.#drawn > 0) this.#stderr.write(`${this.#first()}\x1b[J`);
    this.#drawn = 0;
  }

  /** Leads to the beginning of the first drawn line. */
  #first(): string {
    return this.#drawn > 1 ? `\r\x1b[${this.#drawn - 1}A` : "\r";
  }

  warning(text: string): void {
    this.#say(`${this.#paint("33", "warning:")} `, text);
  }

  /** Tells a failure: message and hint on stderr, the same as an object on stdout under `--json`. */
  failure(failure: Failure, error: unknown, beside: Readonly<Record<string, unknown>> = {}): void {
    const { code, message, hint, details, child } = failure;
    this.clear();
    if (this.options.json) {
      this.line({ error: { code, message, hint, details }, ...beside, ...(child && { child }) });
    }
    this.#stderr.write(`${this.#paint("31", "error:")} ${harmless(message)}${this.#mark}\n`);
    if (hint) this.#stderr.write(`${this.#paint("36", "hint:")} ${harmless(hint)}${this.#mark}\n`);
    if (this.options.verbose && error instanceof Error) {
      this.#stderr.write(`${harmless(stackOf(error))}\n`);
    }
  }

  #say(before: string, text: string): void {
    if (this.options.quiet) return;
    this.clear();
    this.#stderr.write(`${before}${harmless(text)}${this.#mark}\n`);
  }

  get #mark(): string {
    return this.traceId === undefined ? "" : ` trace_id=${this.traceId}`;
  }

  #paint(color: string, text: string): string {
    return this.options.color ? `\x1b[${color}m${text}\x1b[0m` : text;
  }
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own;
}

/** NO_COLOR, FORCE_COLOR and TERM decide, then whether it is a terminal. */
export function wantsColor(
  stream: Stream,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"]) return env["FORCE_COLOR"] !== "0";
  return stream.isTTY === true && env["TERM"] !== "dumb";
}

/** Whether lines can be drawn over: on a terminal that knows how, with somebody in front of it. */
export function isDrawable(
  stream: Stream,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  // A runner of CI may have a terminal, and what it keeps of it is a log.
  const isCi = !["", "0", "false"].includes(env["CI"] ?? "");
  return !isCi && env["TERM"] !== "dumb" && stream.isTTY === true;
}
