import { queryOptions } from '@tanstack/react-query';
import { api } from '../api/client.js';
import { everything } from '../api/pages.js';
import { dataOf } from '../api/problem.js';
import type { components } from '../api/schema.js';

type Schemas = components['schemas'];
export type LogStream = Schemas['LogStreamView'];
export type DeadLetter = Schemas['DeadLetterView'];

const LIVE_MS = 5000;
const MAX_DEAD_LETTERS = 100;

const at = (id: string) => ({ path: { id } });

export const streamsQuery = queryOptions({
  queryKey: ['log-streams'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/log-streams', { params: { query } }))),
  refetchInterval: LIVE_MS,
});

/** One log stream. */
export const streamQuery = (id: string) =>
  queryOptions({
    queryKey: ['log-streams', id],
    queryFn: async () => dataOf(await api.GET('/v1/log-streams/{id}', { params: at(id) })),
    refetchInterval: LIVE_MS,
  });

/** Where a log stream stands. */
export const healthQuery = (id: string) =>
  queryOptions({
    queryKey: ['log-streams', id, 'health'],
    queryFn: async () => dataOf(await api.GET('/v1/log-streams/{id}/health', { params: at(id) })),
    refetchInterval: LIVE_MS,
  });

/** What the receiver refused for good, the first hundred. */
export const deadLettersQuery = (id: string) =>
  queryOptions({
    queryKey: ['log-streams', id, 'dead'],
    queryFn: async () =>
      dataOf(
        await api.GET('/v1/log-streams/{id}/dead-letters', {
          params: { ...at(id), query: { limit: MAX_DEAD_LETTERS } },
        }),
      ).items,
  });

/** Makes a log stream; the secret of a webhook is in this answer alone. */
export const createStream = async (body: Schemas['CreateLogStream']): Promise<Schemas['LogStreamWithSecret']> =>
  dataOf(await api.POST('/v1/log-streams', { body }));

/** Sends one marked event. */
export const testStream = async (id: string): Promise<Schemas['LogStreamTest']> =>
  dataOf(await api.POST('/v1/log-streams/{id}/test', { params: at(id) }));

/** Stops sending and keeps the place, or goes on from it. */
export const setPaused = async (id: string, isPaused: boolean): Promise<LogStream> =>
  dataOf(
    isPaused
      ? await api.POST('/v1/log-streams/{id}/pause', { params: at(id) })
      : await api.POST('/v1/log-streams/{id}/resume', { params: at(id) }),
  );

/** Sends every dead letter again. */
export const redrive = async (id: string): Promise<void> => {
  dataOf(await api.POST('/v1/log-streams/{id}/dead-letters/redrive', { params: at(id) }));
};

/** Deletes a log stream. */
export const deleteStream = async (id: string): Promise<void> => {
  dataOf(await api.DELETE('/v1/log-streams/{id}', { params: at(id) }));
};
