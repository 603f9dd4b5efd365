import { pipeline, Readable } from 'node:stream';
import { createDeflateRaw, crc32 } from 'node:zlib';

type Chunks = AsyncIterable<string | Buffer> | Iterable<string | Buffer>;

/** A file of an archive; its name holds no `..`, no backslash and no leading slash. */
export type ZipEntry = Readonly<{ name: string; chunks: Chunks }>;

type Written = Readonly<{ name: Buffer; crc: number; packed: number; plain: number; offset: number }>;

const NEEDS_ZIP64 = 45;
const UTF8_AND_DESCRIPTOR = 0x0808;
const DEFLATED = 8;
const SEE_ZIP64 = 0xffff_ffff;

/** The moment in the two words that MS-DOS had for it. */
const dosTime = (at: Date): number =>
  (((at.getUTCFullYear() - 1980) << 25) |
    ((at.getUTCMonth() + 1) << 21) |
    (at.getUTCDate() << 16) |
    (at.getUTCHours() << 11) |
    (at.getUTCMinutes() << 5) |
    (at.getUTCSeconds() >> 1)) >>>
  0;

/** A record of little-endian numbers, each with its bytes. */
const record = (...parts: readonly (readonly [value: number, bytes: 2 | 4 | 8])[]): Buffer => {
  const out = Buffer.alloc(parts.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of parts) {
    if (bytes === 8) out.writeBigUInt64LE(BigInt(value), at);
    else out.writeUIntLE(value, at, bytes);
    at += bytes;
  }
  return out;
};

/** Sizes and checksum stand behind the data, as they are not known before. */
const localHeader = (name: Buffer, time: number): Buffer =>
  Buffer.concat([
    record([0x04034b50, 4], [NEEDS_ZIP64, 2], [UTF8_AND_DESCRIPTOR, 2], [DEFLATED, 2], [time, 4], [0, 4]),
    record([SEE_ZIP64, 4], [SEE_ZIP64, 4], [name.length, 2], [20, 2]),
    name,
    record([1, 2], [16, 2], [0, 8], [0, 8]),
  ]);

const descriptor = ({ crc, packed, plain }: Written): Buffer =>
  record([0x08074b50, 4], [crc, 4], [packed, 8], [plain, 8]);

const centralHeader = ({ name, crc, packed, plain, offset }: Written, time: number): Buffer =>
  Buffer.concat([
    record([0x02014b50, 4], [NEEDS_ZIP64, 2], [NEEDS_ZIP64, 2], [UTF8_AND_DESCRIPTOR, 2], [DEFLATED, 2], [time, 4]),
    record([crc, 4], [SEE_ZIP64, 4], [SEE_ZIP64, 4], [name.length, 2], [28, 2], [0, 2], [0, 2], [0, 2], [0, 4]),
    record([SEE_ZIP64, 4]),
    name,
    record([1, 2], [24, 2], [plain, 8], [packed, 8], [offset, 8]),
  ]);

const ending = (entries: number, bytes: number, offset: number): Buffer =>
  Buffer.concat([
    record([0x06064b50, 4], [44, 8], [NEEDS_ZIP64, 2], [NEEDS_ZIP64, 2], [0, 4], [0, 4], [entries, 8], [entries, 8]),
    record([bytes, 8], [offset, 8]),
    record([0x07064b50, 4], [0, 4], [offset + bytes, 8], [1, 4]),
    record([0x06054b50, 4], [0, 2], [0, 2], [0xffff, 2], [0xffff, 2], [SEE_ZIP64, 4], [SEE_ZIP64, 4], [0, 2]),
  ]);

/**
 * A zip archive (PKWARE APPNOTE 6.3.10) as it is made: nothing is kept but the list of its files, each of any size. It
 * reads one chunk at a time, when what it made of the one before was taken. An entry that throws breaks the archive
 * off.
 */
export async function* zip(
  entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>,
  changedAt: Date,
): AsyncGenerator<Buffer> {
  const time = dosTime(changedAt);
  const written: Written[] = [];
  let offset = 0;
  for await (const { name: text, chunks } of entries) {
    const name = Buffer.from(text);
    const file = { name, crc: 0, packed: 0, plain: 0, offset };
    const head = localHeader(name, time);
    yield head;
    for await (const bytes of deflated(chunks, file)) {
      file.packed += bytes.length;
      yield bytes;
    }
    const end = descriptor(file);
    yield end;
    offset += head.length + file.packed + end.length;
    written.push(file);
  }
  const central = Buffer.concat(written.map((file) => centralHeader(file, time)));
  yield central;
  yield ending(written.length, central.length, offset);
}

/** Compresses chunks, and counts and sums them up in `file`. */
const deflated = (chunks: Chunks, file: { crc: number; plain: number }): AsyncIterable<Buffer> => {
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      file.crc = crc32(bytes, file.crc);
      file.plain += bytes.length;
      yield bytes;
    }
  }
  const out = createDeflateRaw();
  pipeline(Readable.from(counted(), { objectMode: false }), out, () => undefined);
  return out;
};
