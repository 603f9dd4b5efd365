import { isDeepStrictEqual } from 'node:util';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { ControlEvent, LogStreamBody, LogStreamFilter } from '../event-log/events/index.js';

type Shown = Readonly<Record<string, unknown>>;

/** A log stream as its events tell. `config` is as answers show it, without secrets. */
export type LogStream = Readonly<{
  name: string;
  kind: string;
  format: string;
  mappingVersion: string;
  config: Shown;
  filter: LogStreamFilter;
  /** Why nothing is sent: somebody paused it, or Toolgate gave up. */
  stopped: 'paused' | 'suspended' | null;
  stopReason: string | null;
  deleted: boolean;
  /** RFC 3339 UTC. */
  createdAt: string;
}>;

type Settings = Pick<LogStream, 'name' | 'format' | 'mappingVersion' | 'config' | 'filter'>;

/** At most so many streams of an organization, which share its part of the senders. */
export const MAX_STREAMS = 20;

/** What a log stream becomes by an event. */
export const evolveLogStream = (state: LogStream | undefined, event: ControlEvent & LogStreamBody): LogStream => {
  if (event.type === 'logStream.created') {
    const { name, kind, format, mappingVersion, config, filter, time: createdAt } = event;
    const running = { stopped: null, stopReason: null, deleted: false } as const;
    return { name, kind, format, mappingVersion, config, filter, createdAt, ...running };
  }
  if (!state) throw new Error('a log stream that was never created');
  switch (event.type) {
    case 'logStream.changed': {
      const { name, format, mappingVersion, config, filter } = { ...state, ...event };
      return { ...state, name, format, mappingVersion, config, filter };
    }
    case 'logStream.paused':
      return { ...state, stopped: 'paused', stopReason: null };
    case 'logStream.suspended':
      return { ...state, stopped: 'suspended', stopReason: event.reason };
    case 'logStream.resumed':
      return { ...state, stopped: null, stopReason: null };
    case 'logStream.secretRotated':
      return state;
    case 'logStream.deleted':
      return { ...state, deleted: true };
  }
};

/** @throws Problem not_found, also for one that was deleted */
export const existing = (state: LogStream | undefined): LogStream => {
  if (!state || state.deleted) throw notFound('log stream');
  return state;
};

/** The first event of a stream. @throws Problem conflict when the organization has 20 of them */
export const decideLogStreamCreation = (
  streamId: string,
  _state: undefined,
  request: Settings & Readonly<{ kind: string; fromSeq: number; others: number }>,
): readonly LogStreamBody[] => {
  const { others, ...created } = request;
  if (others >= MAX_STREAMS)
    throw new Problem('conflict', `An organization has at most ${MAX_STREAMS} log streams: delete one first.`);
  return [{ type: 'logStream.created', streamId, ...created }];
};

/**
 * The event that brings a stream to what a patch says; none for what it says already. `secretsChanged`: what answers
 * don't show is another. @throws Problem not_found
 */
export const decideLogStreamChange = (
  streamId: string,
  state: LogStream | undefined,
  { secretsChanged, ...patch }: Partial<Settings> & Readonly<{ secretsChanged: boolean }>,
): readonly LogStreamBody[] => {
  const before = existing(state);
  const changed = Object.fromEntries(
    (Object.keys(patch) as (keyof Settings)[])
      .filter((key) => patch[key] !== undefined && !isDeepStrictEqual(patch[key], before[key]))
      .map((key) => [key, patch[key]]),
  ) as Partial<Settings>;
  if (Object.keys(changed).length === 0 && !secretsChanged) return [];
  return [{ type: 'logStream.changed', streamId, ...changed, ...(secretsChanged ? { secretsChanged } : {}) }];
};

/** @throws Problem not_found */
export const decideLogStreamDeletion = (streamId: string, state: LogStream | undefined): readonly LogStreamBody[] => {
  existing(state);
  return [{ type: 'logStream.deleted', streamId }];
};

/** None for one that is paused; a suspended one becomes paused. @throws Problem not_found */
export const decideLogStreamPause = (streamId: string, state: LogStream | undefined): readonly LogStreamBody[] =>
  existing(state).stopped === 'paused' ? [] : [{ type: 'logStream.paused', streamId }];

/** None for one that is not stopped. @throws Problem not_found */
export const decideLogStreamResumption = (streamId: string, state: LogStream | undefined): readonly LogStreamBody[] =>
  existing(state).stopped === null ? [] : [{ type: 'logStream.resumed', streamId }];

/** None for one that is stopped or gone meanwhile. */
export const decideLogStreamSuspension = (
  streamId: string,
  state: LogStream | undefined,
  reason: 'failing' | 'cursor_beyond_head',
): readonly LogStreamBody[] =>
  !state || state.deleted || state.stopped !== null ? [] : [{ type: 'logStream.suspended', streamId, reason }];

/** A new secret signs; the one before signs too for the grace. @throws Problem not_found */
export const decideSecretRotation = (
  streamId: string,
  state: LogStream | undefined,
  graceSeconds: number,
): readonly LogStreamBody[] => {
  existing(state);
  return [{ type: 'logStream.secretRotated', streamId, graceSeconds }];
};
