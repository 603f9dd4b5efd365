import { QueryClient } from '@tanstack/react-query';
import { Refusal } from './problem.js';

const MAX_RETRIES = 2;
const FRESH_MS = 5000;

/** A refusal stays one; what got no answer, or an error of the server, is asked again. */
const isWorthRetrying = (failures: number, error: Error): boolean =>
  failures < MAX_RETRIES && !(error instanceof Refusal && error.status < 500 && error.status !== 429);

/** What was read is fresh for five seconds, and read again when its page is looked at again. */
export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: isWorthRetrying, staleTime: FRESH_MS } },
});
