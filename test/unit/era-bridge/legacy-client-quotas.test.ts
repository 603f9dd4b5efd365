import { expect, test } from 'vitest';
import { LiveSessions } from '../../../src/mcp/era-bridge/legacy-client-to-modern-server/live-sessions.js';
import { PendingClientRequests } from '../../../src/mcp/era-bridge/legacy-client-to-modern-server/pending-client-requests.js';
import { LIVE_SESSION_QUOTA, QUESTION_QUOTA } from '../../../src/platform/fair-shares/data-plane-quotas.js';

const requestOf = (organizationId: string, grantId: string): Parameters<LiveSessions['of']>[1] => ({
  server: { id: 'srv_1', organizationId, transport: { type: 'sse', url: new URL('http://127.0.0.1:9/') }, eras: [] },
  grantId,
});
const quiet = requestOf('org_quiet', 'grt_quiet');
const loud = (index: number): Parameters<LiveSessions['of']>[1] => requestOf('org_loud', `grt_${index % 100}`);

test(
  'An organization that has more sessions than its share loses its own oldest ones, and no other ' +
    'organization loses one',
  () => {
    const sessions = new LiveSessions();
    sessions.of('quiet', quiet)!.logLevel = 'debug';
    const most = LIVE_SESSION_QUOTA.organization.count;
    for (let index = 0; index < most + 100; index += 1) expect(sessions.of(`loud ${index}`, loud(index))).toBeDefined();
    expect(sessions.find('quiet')?.logLevel).toBe('debug');
    expect(sessions.find('loud 0')).toBeUndefined();
    expect(sessions.find(`loud ${most + 99}`)).toBeDefined();
    for (let index = 0; index < most + 100; index += 1) sessions.end(`loud ${index}`);
    expect(sessions.of('loud again', loud(0))).toBeDefined();
  },
);

test('Subscriptions of one organization are bounded in bytes, and what is unsubscribed or ended is given back', () => {
  const sessions = new LiveSessions();
  const uri = (index: number): string => `file:///${'x'.repeat(2 ** 20)}${index}`;
  for (const turn of [1, 2]) {
    let taken = 0;
    for (let session = 0; session < 30; session += 1) {
      sessions.of(`${session}`, requestOf('org_loud', `grt_${session}`));
      if (sessions.subscribe(`${session}`, uri(turn))) taken += 1;
    }
    expect(taken).toBe(23);
    sessions.of('quiet', quiet);
    expect(sessions.subscribe('quiet', uri(0))).toBe(true);
    if (turn === 1) for (let session = 0; session < 30; session += 1) sessions.unsubscribe(`${session}`, uri(turn));
    else for (let session = 0; session < 30; session += 1) sessions.end(`${session}`);
  }
  sessions.of('after', requestOf('org_loud', 'grt_after'));
  expect(sessions.subscribe('after', uri(3))).toBe(true);
});

test('Questions to clients of one organization that nobody answers leave room for those of another', () => {
  const questions = new PendingClientRequests();
  const ask = (organizationId: string, index: number): string | undefined =>
    questions.open({
      organizationId,
      grantId: `${organizationId} ${index % 50}`,
      sessionId: 's',
      answered: () => undefined,
    });
  const ids = Array.from({ length: QUESTION_QUOTA.total.count }, (_, index) => ask('org_loud', index)).filter(
    (id) => id !== undefined,
  );
  expect(ids).toHaveLength(QUESTION_QUOTA.organization.count);
  expect(ask('org_quiet', 0)).toBeDefined();
  for (const id of ids) questions.close(id);
  for (const id of ids) questions.close(id);
  expect(ask('org_loud', 0)).toBeDefined();
});
