import { queryOptions } from '@tanstack/react-query';
import { api } from '../api/client.js';
import { everything } from '../api/pages.js';
import { dataOf } from '../api/problem.js';
import type { components } from '../api/schema.js';

export type Server = components['schemas']['ServerView'];
export type Tool = components['schemas']['ToolView'];

/** All servers of the organization. */
export const serversQuery = queryOptions({
  queryKey: ['servers'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/servers', { params: { query } }))),
});
