import { queryOptions } from '@tanstack/react-query';
import { api } from '../api/client.js';
import { everything } from '../api/pages.js';
import { dataOf } from '../api/problem.js';
import type { components } from '../api/schema.js';

type Schemas = components['schemas'];
export type Grant = Schemas['GrantView'];
export type IssuedGrant = Schemas['GrantWithToken'];
export type Identity = Schemas['IdentityView'];
export type Policy = Schemas['PolicyView'];

const GRACE_SECONDS = 3600;
const LIVE_MS = 1000;

/** All grants; what others do shows within a second. */
export const grantsQuery = queryOptions({
  queryKey: ['grants'],
  queryFn: () =>
    everything(async (query) =>
      dataOf(await api.GET('/v1/grants', { params: { query: { ...query, sort: '-createdAt' } } })),
    ),
  refetchInterval: LIVE_MS,
});

/** One grant; what others do shows within a second. */
export const grantQuery = (id: string) =>
  queryOptions({
    queryKey: ['grants', id],
    queryFn: async () => dataOf(await api.GET('/v1/grants/{id}', { params: { path: { id } } })),
    refetchInterval: LIVE_MS,
  });

/** What a grant used of its limits. */
export const limitsQuery = (id: string) =>
  queryOptions({
    queryKey: ['grants', id, 'limits'],
    queryFn: async () => dataOf(await api.GET('/v1/grants/{id}/limits', { params: { path: { id } } })),
  });

/** What a grant could do without, by its calls. */
export const adviceQuery = (id: string) =>
  queryOptions({
    queryKey: ['grants', id, 'advice'],
    queryFn: async () => dataOf(await api.GET('/v1/grants/{id}/advice', { params: { path: { id } } })),
  });

/** All identities of the organization. */
export const identitiesQuery = queryOptions({
  queryKey: ['identities'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/identities', { params: { query } }))),
});

/** The policies of one server. */
export const policiesOfQuery = (serverId: string) =>
  queryOptions({
    queryKey: ['policies', 'of', serverId],
    queryFn: () =>
      everything(async (query) =>
        dataOf(await api.GET('/v1/servers/{id}/policies', { params: { path: { id: serverId }, query } })),
      ),
    enabled: serverId !== '',
  });

/** Makes an identity. */
export const createIdentity = async (name: string, kind: Identity['kind']): Promise<Identity> =>
  dataOf(await api.POST('/v1/identities', { body: { name, kind } }));

/** Disables an identity, or enables it again. */
export const setIdentityDisabled = async ({ id, version }: Identity, disabled: boolean): Promise<Identity> =>
  dataOf(
    await api.PATCH('/v1/identities/{id}', {
      params: { path: { id }, header: { 'If-Match': `"${version}"` } },
      body: { disabled },
    }),
  );

/** Deletes an identity; its grants are revoked. */
export const deleteIdentity = async ({ id }: Identity): Promise<void> => {
  dataOf(await api.DELETE('/v1/identities/{id}', { params: { path: { id } } }));
};

/** Issues a grant; its token is in this answer alone. */
export const issueGrant = async (body: Schemas['CreateGrant']): Promise<IssuedGrant> =>
  dataOf(await api.POST('/v1/grants', { body }));

/** Gives a grant another policy. @throws Refusal 412 when somebody else changed it since */
export const setPolicy = async ({ id, version }: Grant, policyId: string): Promise<Grant> =>
  dataOf(
    await api.PATCH('/v1/grants/{id}', {
      params: { path: { id }, header: { 'If-Match': `"${version}"` } },
      body: { policyId },
    }),
  );

/** Makes a new token; the old one works for another hour. */
export const rotateGrant = async (id: string): Promise<IssuedGrant> =>
  dataOf(await api.POST('/v1/grants/{id}/rotate', { params: { path: { id } }, body: { graceSeconds: GRACE_SECONDS } }));

/** Ends a grant for good. */
export const revokeGrant = async (id: string): Promise<Grant> =>
  dataOf(await api.POST('/v1/grants/{id}/revoke', { params: { path: { id } } }));
