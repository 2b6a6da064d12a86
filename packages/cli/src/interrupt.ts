import { CommandError } from "./exit.ts";

/** Under `nohup`, too, a hang-up ends a program of Node.js, which sets all signals to their defaults when it starts. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Why a command was told to stop by a signal; carries the exit code of that signal. */
class Interrupted extends Error {
  readonly exitCode: number;
  /** Passed on to a command that runs. */
  readonly signal: keyof typeof SIGNALS;

  constructor(signal: keyof typeof SIGNALS) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
    this.exitCode = SIGNALS[signal];
  }
}

/** Aborts on SIGINT, SIGTERM, SIGHUP and after `timeout` ms. A second signal ends the process at once. */
export class Interruption implements Disposable {
  #made: AbortController | undefined;
  readonly #listeners: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
      const listener = (): void => {
        if (this.signal.reason instanceof Interrupted) process.exit(SIGNALS[signal]);
        this.#controller.abort(new Interrupted(signal));
      };
      process.on(signal, listener);
      this.#listeners.push(() => process.off(signal, listener));
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Made when it is asked for: a command that only looks something up has no use for it, and it takes 1 ms. */
  get #controller(): AbortController {
    this.#made ??= new AbortController();
    return this.#made;
  }

  /** Aborts after `milliseconds`, with the `text` the person wrote for it. */
  after(milliseconds: number, text: string): void {
    this.#timer = setTimeout(() => {
      this.#controller.abort(
        new CommandError("CTXPACK_E_TIMEOUT", `not done within ${text}`, "give a longer --timeout"),
      );
    }, milliseconds);
    // What is waited for keeps the process alive, never the limit on it.
    this.#timer.unref();
  }

  /** The exit code of the signal that stopped us, if one did. */
  get exitCode(): number | undefined {
    const reason: unknown = this.#made?.signal.reason;
    return reason instanceof Interrupted ? reason.exitCode : undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const remove of this.#listeners) remove();
  }
}
