type Column = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A column of no length; the memory of the one it takes the place of is given back at once. */
export function dropped<T extends Column>(column: T): T {
  column.buffer.transfer(0);
  const Kind = column.constructor as new (length: number) => T;
  return new Kind(0);
}

/** A column with room for `length` numbers: itself, or a longer copy, so that appending costs the same however many. */
export function grown<T extends Column>(column: T, length: number): T {
  if (length <= column.length) return column;
  const Kind = column.constructor as new (length: number) => T;
  const longer = new Kind(Math.max(length, Math.ceil(column.length * 1.6)));
  longer.set(column);
  return longer;
}
