import type { ControlBody } from '../event-log/events/index.js';
import { requireMatch } from '../../platform/rest/versions.js';
import type { Change, Stream } from './event-store.js';

/**
 * Holds the `If-Match` of a change against the version of its stream, in the transaction of the change. A stream that
 * does not exist passes: its decider refuses it. @throws Problem precondition_failed for another version
 */
export const requireVersion = async <S, B extends ControlBody>(
  { tx, caller }: Change,
  stream: Stream<S, B>,
  { id, ifMatch }: Readonly<{ id: string; ifMatch: string | undefined }>,
): Promise<void> => {
  if (ifMatch === undefined) return;
  const stored = await stream.load(tx, caller.organizationId, id);
  if (stored) requireMatch(ifMatch, stored.version);
};
