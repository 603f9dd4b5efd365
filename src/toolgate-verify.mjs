#!/usr/bin/env node
/**
 * Verifies a bundle of an audit log without Toolgate, without a network, and with nothing but Node 20.19 or later:
 *
 *   node toolgate-verify.mjs bundle.zip --key <verifier key> [--key <verifier key>]
 *
 * It prints `verified: N records` and exits with 0 when these records, all of them, in this order and to the byte, are
 * what a checkpoint signed by one of the keys says; else it prints one line a fault and exits with 1. Whom the keys
 * belong to is yours to know: take them from /.well-known/toolgate-log-keys once, and keep them.
 * docs/proof.md describes the bundle.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { open, realpath } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { createInflateRaw, crc32 } from 'node:zlib';

const MAX_LINE_BYTES = 65_535;
const HASH_BYTES = 32;
const MAX_SMALL_FILE_BYTES = 64 * 1024 * 1024;
const MAX_FAULTS = 100;
/** Decisions may be recorded out of order for a while; a hole that is older is one. */
const HOLE_AGE_MS = 15 * 60 * 1000;

/** Something about the bundle that makes it impossible to go on. */
class Unreadable extends Error {}

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const leafHash = (leaf) => sha256(Buffer.of(0), leaf);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

// --- the archive ---------------------------------------------------------------------------------------------------

const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const LONG_END_BYTES = 56;
/** What stands in the place of a number that the 64-bit extensions hold. */
const IS_LONG = 0xffff_ffff;

const readAt = async (file, at, bytes) => {
  const read = Buffer.alloc(bytes);
  await file.read(read, 0, bytes, at);
  return read;
};

/** How many files an archive has and where its directory is: at its very end, as it has no comment. */
const readEnd = async (file, size) => {
  const end = await readAt(file, size - END_BYTES, END_BYTES);
  if (end.readUInt32LE(0) !== 0x0605_4b50)
    throw new Unreadable('this is no whole bundle: the end of the zip is missing');
  const [count, length, start] = [end.readUInt16LE(10), end.readUInt32LE(12), end.readUInt32LE(16)];
  const at = size - END_BYTES - LOCATOR_BYTES - LONG_END_BYTES;
  if (start !== IS_LONG || at < 0) return { count, length, start, end: size - END_BYTES };
  const long = await readAt(file, at, LONG_END_BYTES);
  if (long.readUInt32LE(0) !== 0x0606_4b50)
    throw new Unreadable('this is no whole bundle: the end of the zip is missing');
  return {
    count: Number(long.readBigUInt64LE(32)),
    length: Number(long.readBigUInt64LE(40)),
    start: Number(long.readBigUInt64LE(48)),
    end: at,
  };
};

/** The sizes and the place of a file, from its entry in the directory and the 64-bit numbers behind its name. */
const readNumbers = (entry, extra) => {
  const numbers = [entry.readUInt32LE(24), entry.readUInt32LE(20), entry.readUInt32LE(42)];
  const isLong = extra.length >= 4 && extra.readUInt16LE(0) === 1;
  let at = 4;
  const [size, compressed, offset] = numbers.map((number) => {
    if (number !== IS_LONG || !isLong || at + 8 > extra.length) return number;
    at += 8;
    return Number(extra.readBigUInt64LE(at - 8));
  });
  return { size, compressed, offset };
};

/** Where the files of a zip are. */
const readDirectory = async (file) => {
  const { size } = await file.stat();
  if (size < END_BYTES) throw new Unreadable('this is no bundle: it is too short for a zip archive');
  const { count, length, start, end } = await readEnd(file, size);
  if (start + length !== end) throw new Unreadable('the directory of the zip is not where it should be');
  const directory = await readAt(file, start, length);
  const entries = new Map();
  for (let at = 0, n = 0; n < count; n += 1) {
    if (at + 46 > length || directory.readUInt32LE(at) !== 0x0201_4b50)
      throw new Unreadable('the directory of the zip is damaged');
    const nameLength = directory.readUInt16LE(at + 28);
    const name = directory.subarray(at + 46, at + 46 + nameLength).toString();
    const next = at + 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    if (entries.has(name)) throw new Unreadable(`the bundle has two files named ${name}`);
    entries.set(name, {
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      ...readNumbers(directory.subarray(at), directory.subarray(at + 46 + nameLength, next)),
    });
    at = next;
  }
  return entries;
};

/** The bytes of a file of the archive, as they lie there or inflated. */
const sourceOf = async (file, { method, offset, compressed }, name) => {
  const header = await readAt(file, offset, 30);
  if (header.readUInt32LE(0) !== 0x0403_4b50) throw new Unreadable(`the file ${name} is not where the zip says`);
  if (method !== 0 && method !== 8) throw new Unreadable(`the file ${name} is compressed in an unknown way`);
  if (compressed === 0) return [];
  const start = offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const end = start + compressed - 1;
  const raw = file.createReadStream({ start, end, autoClose: false, highWaterMark: 1 << 18 });
  if (method === 0) return raw;
  const inflating = createInflateRaw();
  raw.once('error', (error) => inflating.destroy(error));
  return raw.pipe(inflating);
};

/** The content of a file, chunk by chunk. */
const contentOf = async function* (file, entries, name) {
  const entry = entries.get(name);
  if (!entry) throw new Unreadable(`the bundle has no file ${name}`);
  let [crc, size] = [0, 0];
  try {
    for await (const chunk of await sourceOf(file, entry, name)) {
      crc = crc32(chunk, crc);
      size += chunk.length;
      if (size > entry.size) throw new Unreadable(`the file ${name} is longer than the zip says`);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable(`the file ${name} can not be read: ${error.message}`);
  }
  if (size !== entry.size || crc !== entry.crc) throw new Unreadable(`the file ${name} is damaged`);
};

const wholeOf = async (file, entries, name) => {
  if ((entries.get(name)?.size ?? 0) > MAX_SMALL_FILE_BYTES) throw new Unreadable(`the file ${name} is too large`);
  const chunks = [];
  for await (const chunk of contentOf(file, entries, name)) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Lines without their ends. @throws Unreadable for a line that does not end where the longest record does */
const linesOf = async function* (chunks) {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a)) {
      yield data.subarray(0, end);
      data = data.subarray(end + 1);
    }
    if (data.length > MAX_LINE_BYTES) throw new Unreadable('a line of records.ndjson is longer than a record may be');
    rest = Buffer.from(data);
  }
  if (rest.length > 0) yield rest;
};

// --- the checkpoint ------------------------------------------------------------------------------------------------

const keyOf = (vkey) => {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(vkey) ?? [];
  const key = Buffer.from(encoded ?? '', 'base64');
  const isEd25519 = key.length === 33 && key[0] === 1;
  if (!isEd25519 || sha256(`${name}\n`, key).subarray(0, 4).toString('hex') !== id)
    throw new Unreadable('a --key is no verifier key: it looks like name+01234567+base64');
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  const der = Buffer.concat([prefix, key.subarray(1)]);
  return { name, id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
};

/** What a signed note says; without a good signature by one of the keys, why it has none. */
const openNote = (note, keys) => {
  const end = note.indexOf('\n\n');
  const body = note.slice(0, end + 1);
  const [, origin, size, root] = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n$/.exec(body) ?? [];
  if (end < 0 || origin === undefined) return { fault: 'the checkpoint is not well-formed' };
  const lines = note.slice(end + 2).split('\n');
  const isSigned = keys.some(
    ({ name, id, key }) =>
      name === origin &&
      lines.some((line) => {
        if (!line.startsWith(`\u2014 ${name} `)) return false;
        const signature = Buffer.from(line.slice(name.length + 3), 'base64');
        const isOurs = signature.length === 68 && signature.subarray(0, 4).toString('hex') === id;
        return isOurs && verify(null, Buffer.from(body), key, signature.subarray(4));
      }),
  );
  if (!isSigned) return { fault: `the checkpoint of ${origin} is not signed by a key that you gave` };
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') };
};

// --- the tree ------------------------------------------------------------------------------------------------------

/** The heights of the fewest perfect subtrees that cover leaves `start` to before `end`, from left to right. */
const heightsOf = (start, end) => {
  const heights = [];
  for (let at = start; at < end;) {
    let [height, size] = [0, 1];
    while (at % (size * 2) === 0 && at + size * 2 <= end) {
      height += 1;
      size *= 2;
    }
    heights.push(height);
    at += size;
  }
  return heights;
};

/** A tree that grows by perfect subtrees from left to right. */
const makeTree = () => {
  const stack = [];
  return {
    add: (hash, height = 0) => {
      let [merged, at] = [hash, height];
      while (stack.length > 0 && stack.at(-1).height === at) {
        merged = nodeHash(stack.pop().hash, merged);
        at += 1;
      }
      stack.push({ hash: merged, height: at });
    },
    root: () =>
      stack.length === 0 ? sha256() : stack.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right)),
  };
};

const hashesOf = (text, name) => {
  const lines = text.toString().split('\n').slice(0, -1);
  if (!lines.every((line) => /^[A-Za-z0-9+/]{43}=$/.test(line)))
    throw new Unreadable(`${name} has a line that is no hash`);
  return lines.map((line) => Buffer.from(line, 'base64'));
};

// --- the numbering of decisions ------------------------------------------------------------------------------------

/** The first part of a hole that no known range explains; undefined when all of it is explained. */
const unexplained = (hole, known) => {
  let { from } = hole;
  for (let range = covering(known, from); range && from < hole.to; range = covering(known, from)) from = range[1] + 1;
  if (from >= hole.to) return undefined;
  const begins = known.map(([low]) => low).filter((low) => low > from);
  return { from, to: begins.reduce((least, low) => Math.min(least, low), hole.to) };
};

const covering = (known, number) => known.find(([low, high]) => low <= number && number <= high);

/** The numbers between the spans of one gateway, as ranges whose `to` is not in them. */
const holesOf = (spans) => {
  const sorted = [...spans].sort((one, other) => one.from - other.from);
  const holes = [];
  let next = sorted[0]?.from;
  for (const span of sorted) {
    if (span.from > next) holes.push({ from: next, to: span.from, before: span });
    next = Math.max(next, span.to + 1);
  }
  return holes;
};

/** Notes which numbers of each gateway's decisions are there, and tells which are missing. */
class Numbering {
  #boots = new Map();

  note(record) {
    if (record.type === 'toolCall.decided' && Number.isSafeInteger(record.sequence)) this.#noteDecision(record);
    if (record.type === 'audit.gap' && record.reason === 'decisions_missing')
      this.#bootOf(record.bootId).known.push([record.from, record.to]);
  }

  /**
   * Numbers that are missing within these records, and whose absence no record explains. Next to either end of a part
   * of a log a number may stand beyond that end.
   */
  missing({ firstAt, lastAt }) {
    const found = [];
    for (const [boot, { spans, known }] of this.#boots)
      for (const { from, to, before } of holesOf(spans)) {
        if (!(lastAt - before.at > HOLE_AGE_MS && before.at - firstAt > HOLE_AGE_MS)) continue;
        for (let hole = unexplained({ from, to }, known); hole; hole = unexplained({ from: hole.to, to }, known))
          found.push({ boot, from: hole.from, to: hole.to - 1, seq: before.seq });
      }
    return found;
  }

  #bootOf(id) {
    if (!this.#boots.has(id)) this.#boots.set(id, { spans: [], known: [] });
    return this.#boots.get(id);
  }

  #noteDecision({ bootId, sequence, abandoned, recordedAt, seq }) {
    const { spans, known } = this.#bootOf(bootId);
    const last = spans.at(-1);
    if (last !== undefined && last.to + 1 === sequence) last.to = sequence;
    else spans.push({ from: sequence, to: sequence, at: Date.parse(recordedAt), seq });
    for (const number of Array.isArray(abandoned) ? abandoned : []) known.push([number, number]);
  }
}

// --- the whole -----------------------------------------------------------------------------------------------------

const FIELDS = ['firstSeq', 'fromSeq', 'toSeq', 'treeSize'];

const readManifest = (bytes) => {
  let manifest;
  try {
    manifest = JSON.parse(bytes.toString());
  } catch {
    throw new Unreadable('manifest.json is not JSON');
  }
  const isWhole = (name) => Number.isSafeInteger(manifest?.[name]) && manifest[name] > 0;
  const { organizationId, origin } = manifest ?? {};
  if (!FIELDS.every(isWhole) || typeof organizationId !== 'string' || typeof origin !== 'string')
    throw new Unreadable('manifest.json does not say what the bundle holds');
  return manifest;
};

const checkManifest = ({ organizationId, origin, firstSeq, fromSeq, toSeq, treeSize }, signed) => {
  const faults = [];
  if (signed.origin !== origin) faults.push(`the manifest is of ${origin}, and the checkpoint of ${signed.origin}`);
  if (!signed.origin.endsWith(`/${organizationId}`))
    faults.push(`the checkpoint is not of the organization ${organizationId} that the manifest names`);
  if (signed.size !== treeSize)
    faults.push(`the manifest says that the log has ${treeSize} records, and the checkpoint ${signed.size}`);
  if (fromSeq < firstSeq || toSeq < fromSeq || toSeq - firstSeq >= signed.size)
    faults.push(`the manifest names records ${fromSeq} to ${toSeq}, which the checkpoint does not cover`);
  return faults;
};

const parsed = (line) => {
  try {
    const record = JSON.parse(line.toString());
    return typeof record === 'object' && record !== null && Number.isSafeInteger(record.seq) ? record : undefined;
  } catch {
    return undefined;
  }
};

/** The words for a record that stands where another should. */
const misplaced = (seq, expected) => {
  if (seq > expected)
    return seq === expected + 1 ? `record ${expected} is missing` : `records ${expected} to ${seq - 1} are missing`;
  return `record ${seq} is there again or out of order: record ${expected} was expected`;
};

/** Reads the records: what is wrong with each by itself, and the numbering of decisions; `onLeaf` gets each hash. */
const readRecords = async (lines, manifest, { report, onLeaf }) => {
  const numbering = new Numbering();
  // Nothing comes before the first record of a log.
  let firstAt = manifest.fromSeq === manifest.firstSeq ? Number.NEGATIVE_INFINITY : undefined;
  let [expected, count, lastAt] = [manifest.fromSeq, 0, Number.NaN];
  for await (const line of lines) {
    onLeaf(leafHash(line), count);
    count += 1;
    const record = parsed(line);
    if (!record) {
      report(`line ${count} of records.ndjson, where record ${expected} was expected, is no record`);
      expected += 1;
      continue;
    }
    if (record.seq !== expected) report(misplaced(record.seq, expected));
    if (record.organizationId !== manifest.organizationId) report(`record ${record.seq} is of another organization`);
    if (record.seq >= expected) expected = record.seq + 1;
    numbering.note(record);
    lastAt = Date.parse(record.recordedAt);
    firstAt ??= lastAt;
  }
  if (expected <= manifest.toSeq) report(misplaced(manifest.toSeq + 1, expected));
  if (expected > manifest.toSeq + 1) report(`record ${manifest.toSeq + 1} is there, and the manifest ends before it`);
  for (const { boot, from, to, seq } of numbering.missing({ firstAt, lastAt }))
    report(
      `before record ${seq}, decisions ${from} to ${to} of the gateway ${boot} are missing, and no gap is on record`,
    );
  return count;
};

const sideOf = (hashes, heights, name) => {
  if (hashes.length !== heights.length)
    throw new Unreadable(`${name} has ${hashes.length} hashes, and ${heights.length} are needed`);
  return hashes.map((hash, index) => ({ hash, height: heights[index] }));
};

/** The hashes of the records, which tell which one was changed; empty where the bundle has none. */
const readLeaves = async (file, entries, count) => {
  const { size } = entries.get('leaves.bin') ?? {};
  return size === count * HASH_BYTES && size <= MAX_SMALL_FILE_BYTES
    ? wholeOf(file, entries, 'leaves.bin')
    : Buffer.alloc(0);
};

const leafAt = (leaves, index) => leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);

/** Whether the hashes of the records are themselves what was signed. */
const areSigned = (leaves, { left, right, root }) => {
  const tree = makeTree();
  for (const { hash, height } of left) tree.add(hash, height);
  for (let index = 0; index < leaves.length / HASH_BYTES; index += 1) tree.add(leafAt(leaves, index));
  for (const { hash, height } of right) tree.add(hash, height);
  return leaves.length > 0 && tree.root().equals(root);
};

const changedText = ({ fromSeq, toSeq }) =>
  `records ${fromSeq} to ${toSeq}, or the hashes around them, are not what was signed: ` +
  'one of them was changed, added or taken away';

/** What stands on both sides of the records. */
const readSides = async (file, entries, { start, end, size }) => ({
  left: sideOf(hashesOf(await wholeOf(file, entries, 'before.txt'), 'before.txt'), heightsOf(0, start), 'before.txt'),
  right: sideOf(hashesOf(await wholeOf(file, entries, 'after.txt'), 'after.txt'), heightsOf(end, size), 'after.txt'),
});

const verifyRecords = async (file, entries, { manifest, signed }, report) => {
  const [start, end] = [manifest.fromSeq - manifest.firstSeq, manifest.toSeq - manifest.firstSeq + 1];
  const { left, right } = await readSides(file, entries, { start, end, size: signed.size });
  const leaves = await readLeaves(file, entries, end - start);
  const tree = makeTree();
  for (const { hash, height } of left) tree.add(hash, height);
  const changed = [];
  const onLeaf = (hash, index) => {
    tree.add(hash);
    if (leaves.length > 0 && changed.length <= MAX_FAULTS && !hash.equals(leafAt(leaves, index)))
      changed.push(manifest.fromSeq + index);
  };
  const lines = linesOf(contentOf(file, entries, 'records.ndjson'));
  const count = await readRecords(lines, manifest, { report, onLeaf });
  for (const { hash, height } of right) tree.add(hash, height);
  if (count === end - start && tree.root().equals(signed.root)) return count;
  if (count === end - start && areSigned(leaves, { left, right, root: signed.root }))
    for (const seq of changed) report(`record ${seq} is not what was signed: it was changed`);
  else report(changedText(manifest));
  return count;
};

const verifyOpen = async (file, keys, report) => {
  const entries = await readDirectory(file);
  const manifest = readManifest(await wholeOf(file, entries, 'manifest.json'));
  const signed = openNote((await wholeOf(file, entries, 'checkpoint.txt')).toString(), keys);
  const wrong = signed.fault ? [signed.fault] : checkManifest(manifest, signed);
  for (const fault of wrong) report(fault);
  return wrong.length > 0 ? 0 : verifyRecords(file, entries, { manifest, signed }, report);
};

/** Verifies a bundle. Resolves to the number of its records and to what is wrong, in words. */
export const verifyBundle = async (path, vkeys) => {
  const faults = [];
  let more = 0;
  const report = (fault) => {
    if (faults.length < MAX_FAULTS) faults.push(fault);
    else more += 1;
  };
  let records = 0;
  let file;
  try {
    if (vkeys.length === 0) throw new Unreadable('give the verifier key of the log: --key <verifier key>');
    const keys = vkeys.map(keyOf);
    file = await open(path);
    records = await verifyOpen(file, keys, report);
  } catch (error) {
    if (!(error instanceof Unreadable) && error.code === undefined) throw error;
    report(error.message);
  } finally {
    await file?.close();
  }
  if (more > 0) faults.push(`and ${more} faults more`);
  return { records, faults };
};

const main = async (args) => {
  const [paths, keys] = [[], []];
  for (let at = 0; at < args.length; at += 1) {
    if (args[at] === '--key') keys.push(args[(at += 1)] ?? '');
    else paths.push(args[at]);
  }
  if (paths.length !== 1) {
    process.stderr.write('usage: toolgate-verify <bundle.zip> --key <verifier key> [--key <verifier key>]\n');
    return 1;
  }
  const { records, faults } = await verifyBundle(paths[0], keys);
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  if (faults.length === 0) process.stdout.write(`verified: ${records} records\n`);
  return faults.length === 0 ? 0 : 1;
};

const isMain = async () =>
  process.argv[1] !== undefined && import.meta.url === pathToFileURL(await realpath(process.argv[1])).href;
if (await isMain()) process.exitCode = await main(process.argv.slice(2));
