import { log } from '../../platform/runtime/log.js';
import { isRefusedStatement } from '../../platform/postgres/refused-statement.js';
import type { Batch, BatchRecorder, Incoming } from './record-batch.js';

/** What came of a batch: events recorded, and those left out because the database refuses them. */
type Recorded = Readonly<{ recorded: number; leftOut: number }>;

/**
 * Records a batch of the log like `BatchRecorder`; a batch that the database refuses for its values is halved until the
 * events that it refuses are alone, so that one of them stops neither its partition nor the other organizations in it.
 * `leaveOut` puts such an event on record as a gap before the position passes it. Undefined when the position was moved
 * by somebody else; what was recorded until then stays.
 */
export const recordAround = async (
  recorder: BatchRecorder,
  batch: Batch,
  leaveOut: (event: Incoming) => Promise<void>,
): Promise<Recorded | undefined> => {
  const { incoming, next } = batch;
  try {
    const recorded = await recorder.record(batch);
    return recorded === undefined ? undefined : { recorded, leftOut: 0 };
  } catch (error) {
    const middle = incoming[incoming.length >> 1];
    if (middle === undefined || !isRefusedStatement(error)) throw error;
    if (incoming.length === 1) {
      log.error('the database refuses an event of the log; it was left out of the audit log, which has a gap', {
        topic: batch.topic,
        partition: batch.partition,
        offset: middle.offset,
      });
      await leaveOut(middle);
      const passed = await recorder.record({ ...batch, incoming: [] });
      return passed === undefined ? undefined : { recorded: 0, leftOut: 1 };
    }
    const first = await recordAround(
      recorder,
      { ...batch, next: middle.offset, incoming: incoming.filter(({ offset }) => offset < middle.offset) },
      leaveOut,
    );
    if (first === undefined) return undefined;
    const second = await recordAround(
      recorder,
      { ...batch, known: middle.offset, next, incoming: incoming.filter(({ offset }) => offset >= middle.offset) },
      leaveOut,
    );
    return second && { recorded: first.recorded + second.recorded, leftOut: first.leftOut + second.leftOut };
  }
};
