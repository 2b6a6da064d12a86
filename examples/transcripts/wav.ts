/** A recording of one channel. */
export interface Sound {
  /** Samples a second. */
  readonly rate: number;
  /** From −32768 to 32767. */
  readonly samples: Int16Array;
}

const HEADER = 44;

/** A WAV file of 16 bit PCM. */
export function wavOf({ rate, samples }: Sound): Uint8Array {
  const data = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const header = Buffer.alloc(HEADER);
  header.write("RIFF", 0);
  header.writeUInt32LE(HEADER - 8 + data.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(2 * rate, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** The sound in a WAV file of one channel and 16 bit PCM; any other kind is an error. */
export function soundOf(file: Buffer): Sound {
  if (file.toString("latin1", 0, 4) !== "RIFF" || file.toString("latin1", 8, 12) !== "WAVE") {
    throw new Error("not a WAV file");
  }
  let rate = 0;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString("latin1", at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const chunk = file.subarray(at + 8, at + 8 + size);
    if (id === "fmt ") {
      const [format, channels, bits] = [0, 2, 14].map((place) => chunk.readUInt16LE(place));
      if (format !== 1 || channels !== 1 || bits !== 16) {
        throw new Error(
          `${channels} channels of ${bits} bits in format ${format}: only one channel of 16 bit PCM is read`,
        );
      }
      rate = chunk.readUInt32LE(4);
    }
    if (id === "data" && rate > 0) {
      const even = chunk.subarray(0, chunk.length & ~1);
      return { rate, samples: new Int16Array(Uint8Array.from(even).buffer) };
    }
    // Chunks begin at even places.
    at += 8 + size + (size & 1);
  }
  throw new Error("a WAV file without sound");
}
