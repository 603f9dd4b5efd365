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
 * What the name in a request of this method is; undefined where it names nothing, and for `completion/complete`, which
 * names a prompt or a resource.
 */
export function kindOfMethod(method: string): Kind | undefined {
  return kinds.get(method);
}
