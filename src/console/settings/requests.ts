import { queryOptions } from '@tanstack/react-query';
import { api } from '../api/client.js';
import { everything } from '../api/pages.js';
import { dataOf } from '../api/problem.js';
import type { components } from '../api/schema.js';

type Schemas = components['schemas'];
export type Member = Schemas['MemberView'];
export type ApiKey = Schemas['ApiKeyView'];
export type Invitation = Schemas['InvitationView'];
export type Session = Schemas['SessionView'];
export type Role = Member['role'];

export const organizationQuery = queryOptions({
  queryKey: ['organization'],
  queryFn: async () => dataOf(await api.GET('/v1/organization')),
});

export const membersQuery = queryOptions({
  queryKey: ['members'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/members', { params: { query } }))),
});

export const invitationsQuery = queryOptions({
  queryKey: ['invitations'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/invitations', { params: { query } }))),
});

export const keysQuery = queryOptions({
  queryKey: ['api-keys'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/api-keys', { params: { query } }))),
});

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: () => everything(async (query) => dataOf(await api.GET('/v1/sessions', { params: { query } }))),
});

export const alarmsQuery = queryOptions({
  queryKey: ['notifications', 'alarms'],
  queryFn: async () => dataOf(await api.GET('/v1/notifications')),
});

export const approvalMailQuery = queryOptions({
  queryKey: ['notifications', 'approvals'],
  queryFn: async () => dataOf(await api.GET('/v1/approvals/notifications')),
});

export const secondFactorQuery = queryOptions({
  queryKey: ['second-factor'],
  queryFn: async () => dataOf(await api.GET('/v1/me/totp')),
});

export const checkpointQuery = queryOptions({
  queryKey: ['checkpoints'],
  queryFn: async () => dataOf(await api.GET('/v1/audit/checkpoints', { params: { query: { limit: 1 } } })).items,
});

/** The version that a change was made from. */
export const ifMatch = (version: number) => ({ 'If-Match': `"${version}"` });
