/** Work that several callers wait for. */
interface Flight<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
  done: boolean;
}

/** Work by key, each done once for all who ask for it at the same time. */
export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Does the work, or waits for the one who does. Throws `signal.reason` for an aborted caller; the work itself is
   * aborted only when nobody waits for it any more.
   */
  async join(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#begin(key, work);
    flight.waiting += 1;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([flight.result, left]);
    } finally {
      signal?.removeEventListener("abort", leave);
      flight.waiting -= 1;
      if (flight.waiting === 0 && !flight.done) {
        // Whoever asks from now on does not get what is being aborted.
        this.#forget(key, flight);
        flight.stop.abort(signal?.reason);
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const stop = new AbortController();
    const flight: Flight<T> = { result: work(stop.signal), stop, waiting: 0, done: false };
    this.#flights.set(key, flight);
    const end = (): void => {
      flight.done = true;
      this.#forget(key, flight);
    };
    flight.result.then(end, end);
    return flight;
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
