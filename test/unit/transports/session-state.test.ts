import { expect, test } from 'vitest';
import { SessionState } from '../../../src/mcp/transports/session-state.js';

const begun = (initialize: string): SessionState => {
  const state = new SessionState({ initialize, discoveredTools: undefined });
  state.learn({ method: 'initialize', params: undefined }, { protocolVersion: '2025-11-25' }, '');
  return state;
};

test('a session whose initialize is over 64 KiB is not kept beyond its channel', () => {
  expect(begun('x'.repeat(64 * 1024)).snapshot).toBeDefined();
  expect(begun('x'.repeat(64 * 1024 + 1)).snapshot).toBeUndefined();
});

test('the subscriptions that are kept of a session are bounded in bytes, and unsubscribing makes room', () => {
  const state = begun('{}');
  const ask = (verb: string, uri: string): boolean =>
    state.learn({ method: `resources/${verb}`, params: { uri } }, {}, '');
  const uris = [1, 2, 3].map((one) => `file:///${one}${'x'.repeat(60_000)}`);
  expect(uris.map((uri) => ask('subscribe', uri))).toEqual([true, true, false]);
  expect(ask('unsubscribe', uris[0] ?? '')).toBe(true);
  expect(ask('subscribe', uris[2] ?? '')).toBe(true);
  expect(state.snapshot?.subscriptions).toEqual([uris[1], uris[2]]);
  expect(new SessionState(state.snapshot ?? { initialize: '', discoveredTools: '' }).snapshot).toEqual(state.snapshot);
});

test('a log level that no server has is not kept', () => {
  const state = begun('{}');
  expect(state.learn({ method: 'logging/setLevel', params: { level: 'x'.repeat(65) } }, {}, '')).toBe(false);
  expect(state.learn({ method: 'logging/setLevel', params: { level: 'error' } }, {}, '')).toBe(true);
});
