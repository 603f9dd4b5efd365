import { queryOptions, useSuspenseQuery } from '@tanstack/react-query';
import { api } from './client.js';
import { dataOf } from './problem.js';
import type { components } from './schema.js';

export type Me = components['schemas']['MeView'];
export type Role = Me['role'];

/** Who is signed in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async (): Promise<Me> => dataOf(await api.GET('/v1/me')),
  staleTime: 60_000,
  retry: false,
});

/** Who is signed in, on every page behind the sign-in. */
export const useMe = (): Me => useSuspenseQuery(meQuery).data;

/** Whether the member who is signed in has one of these roles; an admin may do everything. */
export const useMay = (...roles: readonly Role[]): boolean => {
  const { role } = useMe();
  return role === 'admin' || roles.includes(role);
};
