import { crc32, createDeflateRaw } from 'node:zlib';

/** A file of an archive: its name in ASCII, and what it holds, as it comes. */
export type ZipEntry = Readonly<{ name: string; content: AsyncIterable<Buffer> | Iterable<Buffer> }>;

/** The archive or a file in it takes more than a zip without 64-bit extensions holds. */
export class ZipTooLarge extends Error {}

const MAX_SIZE = 0xffff_ffff;
const VERSION = 20;
/** Sizes and checksum follow the content. */
const STREAMED = 8;
const DEFLATED = 8;
/** 1980-01-01: an archive of the same content has the same bytes. */
const DOS_DATE = 0x21;

const LOCAL_HEADER = 0x0403_4b50;
const DESCRIPTOR = 0x0807_4b50;
const CENTRAL_HEADER = 0x0201_4b50;
const END = 0x0605_4b50;

/** Fields of two (`H`) or four (`I`) bytes, little-endian. */
const pack = (...fields: readonly (readonly ['H' | 'I', number])[]): Buffer => {
  const bytes = Buffer.alloc(fields.reduce((sum, [type]) => sum + (type === 'H' ? 2 : 4), 0));
  let at = 0;
  for (const [type, value] of fields)
    at = type === 'H' ? bytes.writeUInt16LE(value, at) : bytes.writeUInt32LE(value, at);
  return bytes;
};

type Written = Readonly<{ name: Buffer; crc: number; compressed: number; size: number; offset: number }>;

const localHeader = (name: Buffer): Buffer =>
  Buffer.concat([
    pack(['I', LOCAL_HEADER], ['H', VERSION], ['H', STREAMED], ['H', DEFLATED], ['H', 0], ['H', DOS_DATE]),
    pack(['I', 0], ['I', 0], ['I', 0], ['H', name.length], ['H', 0]),
    name,
  ]);

const centralHeader = ({ name, crc, compressed, size, offset }: Written): Buffer =>
  Buffer.concat([
    pack(['I', CENTRAL_HEADER], ['H', VERSION], ['H', VERSION], ['H', STREAMED], ['H', DEFLATED], ['H', 0]),
    pack(['H', DOS_DATE], ['I', crc], ['I', compressed], ['I', size], ['H', name.length], ['H', 0], ['H', 0]),
    pack(['H', 0], ['H', 0], ['I', 0], ['I', offset]),
    name,
  ]);

const endOf = (count: number, size: number, offset: number): Buffer =>
  pack(['I', END], ['H', 0], ['H', 0], ['H', count], ['H', count], ['I', size], ['I', offset], ['H', 0]);

/** What is known of a content once it was read to its end. */
type Sums = { crc: number; size: number };

/** Reads a content chunk by chunk, and notes its checksum and size. */
async function* summed(content: ZipEntry['content'], sums: Sums): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    sums.crc = crc32(chunk, sums.crc);
    sums.size += chunk.length;
    yield chunk;
  }
}

/** Deflates chunks as they come; what waits is bounded by the stream's own buffers. */
async function* deflated(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stream = createDeflateRaw({ level: 6 });
  const feeding = (async () => {
    try {
      for await (const chunk of chunks)
        if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
      stream.end();
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error('the content failed'));
    }
  })();
  try {
    yield* stream as AsyncIterable<Buffer>;
    await feeding;
  } finally {
    stream.destroy();
  }
}

/**
 * A zip archive of these files, as it is made: a content is read when its file's turn has come, and never held whole.
 * @throws ZipTooLarge for one of 4 GiB or more
 */
export async function* zip(entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>): AsyncGenerator<Buffer> {
  const written: Written[] = [];
  let offset = 0;
  const counted = (bytes: Buffer): Buffer => {
    offset += bytes.length;
    if (offset > MAX_SIZE) throw new ZipTooLarge('the archive is too large');
    return bytes;
  };
  for await (const { name: text, content } of entries) {
    const [name, sums, start] = [Buffer.from(text), { crc: 0, size: 0 }, offset];
    const header = localHeader(name);
    yield counted(header);
    for await (const chunk of deflated(summed(content, sums))) yield counted(chunk);
    const compressed = offset - start - header.length;
    if (sums.size > MAX_SIZE) throw new ZipTooLarge('a file of the archive is too large');
    yield counted(pack(['I', DESCRIPTOR], ['I', sums.crc], ['I', compressed], ['I', sums.size]));
    written.push({ name, ...sums, compressed, offset: start });
  }
  const directory = Buffer.concat(written.map(centralHeader));
  yield Buffer.concat([directory, endOf(written.length, directory.length, offset)]);
}
