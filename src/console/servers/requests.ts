import { queryOptions } from '@tanstack/react-query';
import { api } from '../api/client.js';
import { everything } from '../api/pages.js';
import { dataOf } from '../api/problem.js';
import type { components } from '../api/schema.js';

export type Server = components['schemas']['ServerView'];
export type Tool = components['schemas']['ToolView'];
export type CatalogServer = components['schemas']['CatalogServerView'];
export type NewServer = components['schemas']['CreateServer'];

const MAX_FOUND = 8;

/** All servers of the organization. */
export const serversQuery = queryOptions({
  queryKey: ['servers'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/servers', { params: { query } }))),
});

/** One server. */
export const serverQuery = (id: string) =>
  queryOptions({
    queryKey: ['servers', id],
    queryFn: async () => dataOf(await api.GET('/v1/servers/{id}', { params: { path: { id } } })),
  });

/** The tools of a server, all of them, with what each of them can do. */
export const toolsQuery = (id: string) =>
  queryOptions({
    queryKey: ['servers', id, 'tools'],
    queryFn: () =>
      everything(async (query) => dataOf(await api.GET('/v1/servers/{id}/tools', { params: { path: { id }, query } }))),
  });

/** Servers of the catalog that a text names. */
export const catalogQuery = (q: string) =>
  queryOptions({
    queryKey: ['catalog', q],
    queryFn: async () =>
      dataOf(await api.GET('/v1/catalog/servers', { params: { query: { q, limit: MAX_FOUND } } })).items,
    enabled: q.trim().length > 1,
    placeholderData: (before: readonly CatalogServer[] | undefined) => before as CatalogServer[] | undefined,
  });

/** How the catalog says that one of its servers is reached. */
export const catalogPreset = async (slug: string): Promise<Readonly<Record<string, unknown>>> =>
  dataOf(await api.GET('/v1/catalog/servers/{slug}', { params: { path: { slug } } })).preset;

/** Registers a server; its tools are read before the answer. An unreachable one is registered too. */
export const createServer = async (body: NewServer): Promise<Server> => dataOf(await api.POST('/v1/servers', { body }));

/** Reads the tools of a server again. */
export const discover = async (id: string): Promise<Server> =>
  dataOf(await api.POST('/v1/servers/{id}/discover', { params: { path: { id } } }));

/** Changes a server as it was read. @throws Refusal 412 when somebody else changed it since */
export const updateServer = async (
  { id, version }: Server,
  body: components['schemas']['UpdateServer'],
): Promise<Server> =>
  dataOf(
    await api.PATCH('/v1/servers/{id}', { params: { path: { id }, header: { 'If-Match': `"${version}"` } }, body }),
  );

/** Deletes a server with its policies; its grants are revoked. */
export const deleteServer = async (id: string): Promise<void> => {
  dataOf(await api.DELETE('/v1/servers/{id}', { params: { path: { id } } }));
};

/** Refuses, or no longer refuses, every call of a tool. */
export const setToolDisabled = async (serverId: string, tool: Tool, disabled: boolean): Promise<void> => {
  const path = { id: serverId, name: tool.name };
  dataOf(await api.PATCH('/v1/servers/{id}/tools/{name}', { params: { path }, body: { disabled } }));
};

/** Accepts the definition that was looked at. @throws Refusal 409 when the tool has another one by now */
export const acceptTool = async (serverId: string, { name, definitionHash }: Tool): Promise<void> => {
  const path = { id: serverId, name };
  dataOf(await api.POST('/v1/servers/{id}/tools/{name}/accept', { params: { path }, body: { definitionHash } }));
};
