import { expect, test } from 'vitest';
import { OpenSessions } from '../../../src/mcp/transports/open-sessions.js';
import type { UpstreamServer } from '../../../src/mcp/upstream/forward.js';
import type { Handshake } from '../../../src/mcp/upstream/probe.js';

const serverOf = (organizationId: string, id: string): UpstreamServer => ({
  id,
  organizationId,
  transport: { type: 'streamable-http', url: new URL('http://127.0.0.1:9/') },
  eras: [],
});

const handshake = (instructions = ''): Handshake => ({
  era: 'legacy',
  protocolVersion: '2025-11-25',
  serverInfo: null,
  result: { instructions },
  session: 'only',
});

const take = (sessions: OpenSessions, server: UpstreamServer): Handshake | undefined =>
  sessions.take({
    server,
    grantId: 'grt_1',
    era: 'legacy',
    method: 'POST',
    headers: {},
    body: undefined,
    silenceMs: 0,
  });

test('the only session of a server is kept for its first client, whatever other organizations have kept', () => {
  const sessions = new OpenSessions();
  const own = serverOf('honest', 'own');
  expect(sessions.keep(own, handshake())).toBe(true);
  for (let index = 0; index < 2000; index += 1) sessions.keep(serverOf('hostile', `srv_${index}`), handshake());
  expect(take(sessions, own)?.session).toBe('only');
  expect(take(sessions, own)).toBeUndefined();
});

test('a session with a result of megabytes is not kept', () => {
  const sessions = new OpenSessions();
  expect(sessions.keep(serverOf('org', 'own'), handshake('x'.repeat(100_000)))).toBe(false);
  expect(take(sessions, serverOf('org', 'own'))).toBeUndefined();
});
