import { expect } from 'vitest';
import type { Tenant } from '../../support/tenant.js';

type Json = Readonly<Record<string, unknown>>;

/** Makes a log stream. */
export const makeStream = async (tenant: Tenant, body: Json): Promise<Json & Readonly<{ id: string }>> => {
  const answer = await tenant.api('POST', '/v1/log-streams', { name: 'stream', ...body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Json & Readonly<{ id: string }>;
};

/** A stream's health. */
export const healthOf = async (tenant: Tenant, id: string): Promise<Json> =>
  (await tenant.api('GET', `/v1/log-streams/${id}/health`)).body;

/** Something that stands in the audit log. */
export const record = async (tenant: Tenant, count = 1): Promise<void> => {
  for (let at = 0; at < count; at += 1) await tenant.identity(`recorded ${at}`);
};

export const seqsOf = (items: readonly Json[]): readonly number[] => items.map(({ seq }) => Number(seq));

/** `from`, `from + 1`, … `to`. */
export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** The one in the middle. */
export const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
