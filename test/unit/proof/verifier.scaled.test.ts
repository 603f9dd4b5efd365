import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { signCheckpoint, signingKeyOf, verifierKeyOf } from '../../../src/record/proof/signed-note.js';
import { bundleFilesOf, verifyBundle, zipOf, type BundleFiles } from '../../support/bundles.js';
import { scaled } from '../../support/scaled.js';

const folder = mkdtempSync(join(tmpdir(), 'toolgate-bundles-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ORGANIZATION = 'org_01h2xcejqtf2nbrexx3vqjhp41';
const ORIGIN = `toolgate.example/${ORGANIZATION}`;
const key = signingKeyOf(randomBytes(32));
const vkey = verifierKeyOf(ORIGIN, key);
const START_MS = Date.parse('2026-11-30T00:00:00Z');

const line = (seq: number, more: object = {}): string =>
  JSON.stringify({
    id: `evt_${seq}`,
    type: 'identity.created',
    organizationId: ORGANIZATION,
    ...more,
    seq,
    recordedAt: new Date(START_MS + seq * 60_000).toISOString(),
  });

const log = Array.from({ length: 700 }, (_, index) => line(index + 1));
const bundle = (fromSeq: number, toSeq: number, lines: readonly string[] = log): Promise<BundleFiles> =>
  bundleFilesOf(lines, { organizationId: ORGANIZATION, origin: ORIGIN, key, fromSeq, toSeq });

const verifyBytes = async (bytes: Buffer, keys = [vkey]): ReturnType<typeof verifyBundle> => {
  const file = join(folder, 'bundle.zip');
  writeFileSync(file, bytes);
  return verifyBundle(file, keys);
};
const verify = async (files: BundleFiles, keys = [vkey]): ReturnType<typeof verifyBundle> =>
  verifyBytes(await zipOf(files), keys);

/** The same files, but one. */
const withFile = (files: BundleFiles, name: string, edit: (text: string) => string): BundleFiles =>
  new Map([...files, [name, Buffer.from(edit((files.get(name) as Buffer).toString('latin1')), 'latin1')]]);
const withLines = (files: BundleFiles, edit: (lines: string[]) => string[]): BundleFiles =>
  withFile(files, 'records.ndjson', (text) =>
    edit(text.split('\n').slice(0, -1))
      .map((one) => `${one}\n`)
      .join(''),
  );

/** A zip of these files as other programs write it: without 64-bit numbers, and here without compression. */
const repacked = (files: BundleFiles): Buffer => {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of files) {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), content]);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, place, Buffer.from(name));
    parts.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.size, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
};

describe('the verifier', () => {
  test('takes a bundle that somebody packed anew, and finds in it what was changed', async () => {
    const files = await bundle(5, 30);
    expect(await verifyBytes(repacked(files))).toMatchObject({ records: 26, faults: [] });
    const changed = withLines(files, (lines) => lines.with(3, line(9)));
    expect((await verifyBytes(repacked(changed))).faults).not.toEqual([]);
  });

  test('takes any part of a log as it is', async () => {
    for (const [from, to] of [
      [1, 700],
      [1, 1],
      [700, 700],
      [2, 3],
      [256, 513],
      [5, 699],
    ] as const)
      expect(await verify(await bundle(from, to))).toEqual({ records: to - from + 1, faults: [] });
  });

  test('names what is missing, what was changed and what stands elsewhere, by its seq', async () => {
    const files = await bundle(10, 20);
    const faultsOf = async (edit: (lines: string[]) => string[]): Promise<string> =>
      (await verify(withLines(files, edit))).faults.join('\n');
    expect(await faultsOf((lines) => lines.toSpliced(4, 1))).toContain('record 14 is missing');
    expect(await faultsOf((lines) => lines.slice(0, -2))).toContain('records 19 to 20 are missing');
    expect(await faultsOf((lines) => lines.with(2, lines[2]!.replace('evt_12', 'evt_21')))).toBe(
      'record 12 is not what was signed: it was changed',
    );
    expect(await faultsOf((lines) => lines.with(3, lines[4]!).with(4, lines[3]!))).toContain(
      'record 13 is there again or out of order',
    );
  });

  test('trusts no key but those that it was given', async () => {
    const files = await bundle(1, 5);
    const other = verifierKeyOf(ORIGIN, signingKeyOf(randomBytes(32)));
    expect((await verify(files, [other])).faults.join()).toContain('not signed by a key that you gave');
    expect((await verify(files, [])).faults.join()).toContain('--key');
    expect((await verify(files, [other, vkey])).faults).toEqual([]);
    expect((await verify(files, [vkey.replace('toolgate.example', 'elsewhere.example')])).faults).toHaveLength(1);
  });

  test('finds a hole in the numbers of decisions that no gap on record explains', async () => {
    const decided = (seq: number, sequence: number): string =>
      line(seq, { type: 'toolCall.decided', bootId: 'boot_1', sequence });
    const gap = (from: number, to: number): string =>
      line(3, { type: 'audit.gap', reason: 'decisions_missing', bootId: 'boot_1', from, to });
    const rest = Array.from({ length: 30 }, (_, index) => line(index + 4));
    const faultsOf = async (third: string): Promise<readonly string[]> =>
      (await verify(await bundle(1, 33, [decided(1, 1), decided(2, 5), third, ...rest]))).faults;
    expect(await faultsOf(line(3))).toEqual([
      'before record 2, decisions 2 to 4 of the gateway boot_1 are missing, and no gap is on record',
    ]);
    expect(await faultsOf(gap(2, 3))).toEqual([
      'before record 2, decisions 4 to 4 of the gateway boot_1 are missing, and no gap is on record',
    ]);
    expect(await faultsOf(gap(2, 4))).toEqual([]);
  });
});

/** Ways to change a bundle; `pick` and `other` say where. A way that changes nothing is left out. */
const ways: Readonly<
  Record<string, (files: BundleFiles, pick: number, other: number) => BundleFiles | Promise<Buffer>>
> = {
  drop: (files, pick) => withLines(files, (lines) => lines.toSpliced(pick % lines.length, 1)),
  swap: (files, pick, other) =>
    withLines(files, (lines) => {
      const [a, b] = [pick % lines.length, other % lines.length];
      return lines.with(a, lines[b] as string).with(b, lines[a] as string);
    }),
  edit: (files, pick, other) =>
    withFile(files, 'records.ndjson', (text) => {
      const at = pick % text.length;
      return text.slice(0, at) + String.fromCharCode(other % 256) + text.slice(at + 1);
    }),
  insert: (files, pick, other) =>
    withLines(files, (lines) => lines.toSpliced(pick % lines.length, 0, lines[other % lines.length] as string)),
  truncate: (files, pick) => withFile(files, 'records.ndjson', (text) => text.slice(0, pick % (text.length - 1))),
  reverse: (files) => withLines(files, (lines) => lines.toReversed()),
  'cut the archive': async (files, pick) => {
    const bytes = await zipOf(files);
    return bytes.subarray(0, pick % bytes.length);
  },
  'edit the checkpoint': (files, pick, other) =>
    withFile(files, 'checkpoint.txt', (text) => {
      const at = pick % text.length;
      return text.slice(0, at) + String.fromCharCode(other % 128) + text.slice(at + 1);
    }),
  'edit a side': (files, pick) =>
    withFile(files, pick % 2 === 0 ? 'before.txt' : 'after.txt', (text) =>
      text.replace(/^./m, (first) => (first === 'A' ? 'B' : 'A')),
    ),
  'drop a hash': (files, pick) =>
    withFile(files, pick % 2 === 0 ? 'before.txt' : 'after.txt', (text) => text.slice(text.indexOf('\n') + 1)),
  'name another range': (files, pick, other) =>
    withFile(files, 'manifest.json', (text) => {
      const name = ['firstSeq', 'fromSeq', 'toSeq', 'treeSize'][pick % 4] as string;
      return text.replace(new RegExp(`"${name}":\\d+`), `"${name}":${1 + (other % 900)}`);
    }),
  'sign anew by another key': (files, pick) =>
    withFile(files, 'checkpoint.txt', () =>
      signCheckpoint({ origin: ORIGIN, size: 700, root: Buffer.alloc(32, pick) }, signingKeyOf(randomBytes(32))),
    ),
};

/** 10,000 with FAULTS=full. */
const MUTATIONS = process.env['FAULTS'] === 'full' ? 10_000 : scaled(1_500, 100);
/** Signatures that differ in the bits that base64 does not use say the same. */
const sameNote = (one: string, other: string): boolean =>
  one.split(/[\s—]+/).every((word, index) => {
    const words = other.split(/[\s—]+/);
    return Buffer.from(word, 'base64').equals(Buffer.from(words[index] ?? '', 'base64')) && words.length > index;
  });

test('every one of many random changes of a bundle is found', async () => {
  const ranges = await Promise.all([bundle(1, 40), bundle(300, 340), bundle(690, 700), bundle(250, 262)]);
  const change = fc.record({
    way: fc.constantFrom(...Object.keys(ways)),
    of: fc.nat(ranges.length - 1),
    pick: fc.nat(1_000_000),
    other: fc.nat(1_000_000),
  });
  let found = 0;
  for (const { way, of, pick, other } of fc.sample(change, MUTATIONS)) {
    const files = ranges[of] as BundleFiles;
    const changed = await ways[way]!(files, pick, other);
    if (!Buffer.isBuffer(changed)) {
      const [note, before] = [changed, files].map((one) => String(one.get('checkpoint.txt')));
      const isSame = [...files].every(([name, bytes]) => name === 'checkpoint.txt' || changed.get(name)!.equals(bytes));
      if (isSame && sameNote(String(note), String(before))) continue;
    }
    const { faults } = await (Buffer.isBuffer(changed) ? verifyBytes(changed) : verify(changed));
    expect(faults.length, `${way} ${of} ${pick} ${other}`).toBeGreaterThan(0);
    found += 1;
  }
  expect(found).toBeGreaterThan(MUTATIONS * 0.7);
}, 300_000);
