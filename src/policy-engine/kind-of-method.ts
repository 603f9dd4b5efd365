import type { Kind } from './facts.js';

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['tools/call', 'tool'],
  ['resources/read', 'resource'],
  ['resources/subscribe', 'resource'],
  ['resources/unsubscribe', 'resource'],
  ['subscriptions/listen', 'resource'],
  ['prompts/get', 'prompt'],
]);

/**
 * The kind of thing that a request of this method names. Undefined for methods that name nothing, and for
 * `completion/complete`, which names a prompt or a resource.
 */
export function kindOfMethod(method: string): Kind | undefined {
  return kinds.get(method);
}
