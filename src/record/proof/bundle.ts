import type { Look, Tx } from '../../platform/postgres/database.js';
import { zip } from '../../platform/runtime/zip.js';
import type { StoredEvent } from '../audit/audit.query.js';
import { recordLine } from '../audit/record-line.js';
import { subtreesOf, type Hash, type Range } from './merkle.js';
import { readSubtrees, TILE_WIDTH } from './tiles.js';
import { nextRecords, tilesOf, tileTime, type LogKey, type StoredCheckpoint, type Tree } from './tree.store.js';

/** Records `fromSeq` to `toSeq` of a tree, by a checkpoint that covers them. */
export type BundleRequest = Readonly<{
  organizationId: string;
  tree: Tree;
  checkpoint: StoredCheckpoint;
  keys: readonly LogKey[];
  fromSeq: number;
  toSeq: number;
}>;

const HASHES_PER_CHUNK = 4096;

const lines = (hashes: readonly Hash[]): Buffer =>
  Buffer.from(hashes.map((hash) => `${hash.toString('base64')}\n`).join(''));

/** Records of a range of `seq`, a page at a time. @throws Error when one is gone, so that a part passes for no whole */
async function* readRange(
  look: Look,
  organizationId: string,
  { tree, fromSeq, toSeq }: Pick<BundleRequest, 'tree' | 'fromSeq' | 'toSeq'>,
): AsyncGenerator<readonly StoredEvent[]> {
  const recordedAt = await look((tx) =>
    tileTime(tx, organizationId, Math.floor((fromSeq - tree.firstSeq) / TILE_WIDTH)),
  );
  for (let from = { seq: fromSeq, recordedAt }; from.seq <= toSeq;) {
    const place = from;
    const found = await look((tx: Tx) => nextRecords(tx, organizationId, place));
    const page = found.filter(({ seq }) => seq <= toSeq);
    const last = page.at(-1);
    if (page[0]?.seq !== place.seq || last?.seq !== place.seq + page.length - 1)
      throw new Error(`record ${place.seq} is gone`);
    yield page;
    from = { seq: last.seq + 1, recordedAt: last.recordedAt };
  }
}

/** The hashes of the perfect subtrees that cover a range, one a line in base64. */
const subtreeLines = (look: Look, organizationId: string, range: Range): Promise<Buffer> =>
  look(async (tx) => lines(await readSubtrees(tilesOf(tx, organizationId), subtreesOf(range))));

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

async function* recordLines(look: Look, request: BundleRequest): AsyncGenerator<Buffer> {
  for await (const page of readRange(look, request.organizationId, request))
    yield Buffer.concat(page.flatMap((record) => [recordLine(record), Buffer.of(0x0a)]));
}

/** The hashes of records as the tree has them, which a record that was changed since does not have any more. */
async function* leafHashes(look: Look, organizationId: string, { start, end }: Range): AsyncGenerator<Buffer> {
  for (let from = start; from < end; from += HASHES_PER_CHUNK) {
    const count = Math.min(HASHES_PER_CHUNK, end - from);
    const first = from;
    const leaves = Array.from({ length: count }, (_, at) => ({ height: 0, index: first + at }));
    yield Buffer.concat(await look((tx) => readSubtrees(tilesOf(tx, organizationId), leaves)));
  }
}

/**
 * A bundle that proves records without us, as a zip (docs/proof.md): manifest, records, checkpoint, the hashes on both
 * sides, and the keys; besides, the hash of each record, so that a verifier can name the one that was changed.
 */
export async function* bundleOf(look: Look, request: BundleRequest): AsyncGenerator<Buffer> {
  const { organizationId, tree, checkpoint, keys, fromSeq, toSeq } = request;
  const { origin, firstSeq } = tree;
  const [start, end] = [fromSeq - firstSeq, toSeq - firstSeq + 1];
  const { treeSize } = checkpoint;
  const before = await subtreeLines(look, organizationId, { start: 0, end: start });
  const after = await subtreeLines(look, organizationId, { start: end, end: treeSize });
  const files = [
    { name: 'manifest.json', chunks: [json({ organizationId, origin, firstSeq, fromSeq, toSeq, treeSize })] },
    { name: 'checkpoint.txt', chunks: [Buffer.from(checkpoint.note)] },
    { name: 'keys.json', chunks: [json({ keys })] },
    { name: 'before.txt', chunks: [before] },
    { name: 'after.txt', chunks: [after] },
    { name: 'records.ndjson', chunks: recordLines(look, request) },
    { name: 'leaves.bin', chunks: leafHashes(look, organizationId, { start, end }) },
  ];
  yield* zip(files, checkpoint.time);
}
