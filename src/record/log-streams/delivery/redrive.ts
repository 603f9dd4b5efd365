import type { Database } from '../../../platform/postgres/database.js';
import type { Format } from '../formats/format.js';
import type { Batch, SendResult } from '../kind.js';
import { cleanAnswer } from './clean-answer.js';
import type { Cursor } from './cursors.store.js';
import { redriveOne } from './dead-letters.store.js';
import { fillBatch } from './make-batch.js';

type RedriveDeps = Readonly<{ db: Database; format: Format; mappingVersion: string; secrets: readonly string[] }>;

/** Sends one dead letter of a stream again, if one is to be. Answers whether there was one. */
export const redriveNext = (
  { organizationId, streamId, place }: Pick<Cursor, 'organizationId' | 'streamId' | 'place'>,
  { db, format, mappingVersion, secrets }: RedriveDeps,
  send: (batch: Batch) => Promise<SendResult>,
  signal: AbortSignal,
): Promise<boolean> =>
  redriveOne(db, { organizationId, streamId }, async (stored) => {
    const page = { events: [stored], next: place, missing: 0, isEnd: false };
    const { batch } = await fillBatch(streamId, page, { format, mappingVersion, limit: 1 });
    const result: SendResult = batch
      ? await send(batch)
      : { outcome: 'refused', code: 'format', answer: { httpStatus: null, body: 'it could not be written' } };
    if (result.outcome === 'retry' && signal.aborted) return undefined;
    const [refused] = result.outcome === 'accepted_except' ? result.refused : [];
    const answer = refused?.answer ?? result.answer ?? { httpStatus: null, body: '' };
    return { delivered: result.outcome === 'accepted', answer: cleanAnswer(answer, secrets) };
  });
