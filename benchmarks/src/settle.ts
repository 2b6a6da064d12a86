/** Milliseconds; the state of a file that changed less than 2 s ago is not trusted to stand for its content. */
const SETTLED_MS = 2100;

/** Waits until what was just written counts as unchanged from now on. */
export function settle(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLED_MS);
}
