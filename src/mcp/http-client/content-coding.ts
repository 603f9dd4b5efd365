import * as zlib from 'node:zlib';
import type { Transform } from 'node:stream';

/** A way in which a body is coded (RFC 9110, 8.4.1) that can be taken off again. */
export type ContentCoding = Readonly<{
  /** Makes the decoder; `first` are the first bytes of the body. */
  open: (first: Buffer) => Transform;
  /** How much of what was decoded last a decoder keeps at most, in bytes. */
  windowBytes: number;
}>;

const KIB = 1024;
const MIB = 1024 * KIB;

/** A stream that is cut off gives what it held, as it does in browsers: whoever reads the message notices. */
const DEFLATE = { flush: zlib.constants.Z_SYNC_FLUSH, finishFlush: zlib.constants.Z_SYNC_FLUSH };
const BROTLI = {
  flush: zlib.constants.BROTLI_OPERATION_FLUSH,
  finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH,
};

/** Many servers send `deflate` without the wrapper of zlib that the RFC wants. */
const openDeflate = (first: Buffer): Transform =>
  ((first[0] ?? 0) & 0x0f) === 0x08 ? zlib.createInflate(DEFLATE) : zlib.createInflateRaw(DEFLATE);

const gzip: ContentCoding = { open: () => zlib.createGunzip(DEFLATE), windowBytes: 64 * KIB };

type OpenZstd = (options: Readonly<{ params: Readonly<Record<number, number>> }>) => Transform;
/** Only Node.js from 22.15 on has it. */
const { createZstdDecompress } = zlib as Readonly<{ createZstdDecompress?: OpenZstd }>;
/** `ZSTD_d_windowLogMax`, and 8 MiB as a power of two: without it a stream may ask for 128 MiB. */
const ZSTD_WINDOW = { params: { 100: 23 } };

const codings: ReadonlyMap<string, ContentCoding> = new Map<string, ContentCoding>([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', { open: openDeflate, windowBytes: 64 * KIB }],
  ['br', { open: () => zlib.createBrotliDecompress(BROTLI), windowBytes: 16 * MIB }],
  ...(createZstdDecompress
    ? ([['zstd', { open: () => createZstdDecompress(ZSTD_WINDOW), windowBytes: 8 * MIB }]] as const)
    : []),
]);

/**
 * How the body of an answer is coded, by its `Content-Encoding`: undefined when it is not, or the name of the coding
 * when that can't be taken off. A name is at most 32 characters of a token, whatever the server sent.
 */
export const readContentCoding = (header: string | string[] | undefined): ContentCoding | string | undefined => {
  if (header === undefined) return undefined;
  const names = String(header)
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  const [name] = names;
  if (name === undefined) return undefined;
  const known = names.length === 1 ? codings.get(name) : undefined;
  return (
    known ??
    names
      .join(', ')
      .replace(/[^\w, .-]/g, '?')
      .slice(0, 32)
  );
};
