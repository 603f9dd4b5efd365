import type { Destination } from '../kind.js';

/**
 * A way that goes on with the secrets before while the receiver does not take the newest ones yet. `open` answers
 * undefined once those before are no good any more. A receiver that turns to the newest between the two tries refuses
 * both: the newest are tried once more before it is said to refuse them.
 */
export const withPrevious = (newest: Destination, open: () => Destination | undefined): Destination => ({
  send: async (batch, signal) => {
    const result = await newest.send(batch, signal);
    if (result.outcome !== 'auth_error') return result;
    const previous = open();
    if (!previous) return result;
    const other = await previous.send(batch, signal).finally(() => previous.close());
    // Why the newest ones are refused is what whoever set them has to know.
    return other.outcome === 'auth_error' ? newest.send(batch, signal) : other;
  },
  close: () => newest.close(),
});
