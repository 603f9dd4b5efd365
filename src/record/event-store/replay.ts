import type { Tx } from '../../platform/postgres/database.js';
import { readEvents, type Stream } from './event-store.js';
import type { ControlBody, ControlEvent } from '../event-log/events/index.js';

type Past = Readonly<{ organizationId: string; streamId: string; version: number; event: ControlEvent }>;

/** Applies one event of its streams to their state table. */
export type Replay = (tx: Tx, past: Past) => Promise<void>;

const BATCH_SIZE = 500;

/** The replay of a kind of stream. The event must be of that kind. */
export const replayOf =
  <S, B extends ControlBody>(stream: Stream<S, B>): Replay =>
  async (tx, { organizationId, streamId, version, event }) => {
    const before = await stream.load(tx, organizationId, streamId);
    if ((before?.version ?? 0) !== version - 1)
      throw new Error(
        `the ${stream.noun} ${streamId} is at version ${before?.version ?? 0}, which event ${version} does not follow`,
      );
    await stream.save(tx, {
      organizationId,
      id: streamId,
      version,
      state: stream.evolve(before?.state, event as ControlEvent & B),
    });
  };

/**
 * Makes an organization's rows of the state tables, which must be empty of it, again from the event store. `replays`
 * names the kind of stream by the prefix of its ids; other events have no state. @throws Error when a stream's events
 * are not numbered densely from 1.
 */
export const replayOrganization = async (
  tx: Tx,
  organizationId: string,
  replays: Readonly<Record<string, Replay>>,
): Promise<void> => {
  for (let position = 0; ;) {
    const events = await readEvents(tx, organizationId, position, BATCH_SIZE);
    for (const past of events) {
      const prefix = past.streamId.slice(0, past.streamId.indexOf('_'));
      if (Object.hasOwn(replays, prefix)) await replays[prefix]?.(tx, { organizationId, ...past });
    }
    const last = events.at(-1);
    if (!last) return;
    position = last.position;
  }
};
