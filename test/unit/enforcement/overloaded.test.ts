import { expect, test } from 'vitest';
import type { BoundedApprovals } from '../../../src/data-plane/enforcement/request-approval.js';
import type { GovernedCall } from '../../../src/data-plane/enforcement/call.js';
import { Enforcement } from '../../../src/data-plane/enforcement/enforce.js';
import { Recorder } from '../../../src/data-plane/enforcement/recorder.js';
import type { EventLog, LogEntry } from '../../../src/record/event-log/event-log.js';
import { GroupCommitError } from '../../../src/platform/postgres/group-commit.js';
import { Quota } from '../../../src/platform/fair-shares/quota.js';

type Event = Readonly<Record<string, unknown>>;

/** A log in memory, which refuses for itself what is of the organization `refused`. */
const makeLog = () => {
  const [events, refused]: [Event[], string[]] = [[], []];
  const append = (_topic: string, entry: LogEntry): Promise<{ partition: number; offset: number }> => {
    if (entry.key === 'refused') {
      refused.push(entry.type);
      return Promise.reject(new GroupCommitError('refused', 'too large'));
    }
    events.push(JSON.parse(entry.value.toString()) as Event);
    return Promise.resolve({ partition: 0, offset: events.length });
  };
  return {
    log: { append } as unknown as EventLog,
    refused,
    of: (type: string) => events.filter((event) => event['type'] === type),
  };
};

const few = { count: 2, bytes: 0 };

const makeEnforcement = () => {
  const log = makeLog();
  const recorder = new Recorder(log.log);
  const calls = new Quota({ total: few, organization: few, grant: few });
  const reserve = () => Promise.reject(new Error('there are no limits here'));
  const enforcement = new Enforcement({
    calls,
    reserve,
    approvals: {} as BoundedApprovals,
    recorder,
    isStale: () => false,
    now: Date.now,
  });
  return { ...log, enforcement, recorder };
};

/** A call of a grant without a policy. */
const callOf = (organizationId: string, readAtMs: number): GovernedCall => ({
  who: {
    grant: { id: `grant of ${organizationId}`, organizationId },
    organization: { id: organizationId, digestKey: Buffer.alloc(32) },
    identity: { id: 'idn_1', name: 'bot' },
    server: { id: 'srv_1', name: 'GitLab', tools: new Map(), disabledTools: new Set() },
  } as unknown as GovernedCall['who'],
  method: 'tools/call',
  tool: 'cancel_job',
  arguments: {},
  readAtMs,
  params: undefined,
  requestId: 1,
  sessionId: null,
  protocolVersion: null,
  traceId: null,
  sourceIp: null,
  client: null,
});

test(
  'a call that waited over ten seconds before it could be judged is refused as overloaded, on ' +
    'record; one that waited less is judged',
  async () => {
    const { enforcement, recorder, of } = makeEnforcement();
    const late = await enforcement.enforce(callOf('org_1', performance.now() - 10_001));
    expect(late.decision).toMatchObject({
      effect: 'deny',
      code: 'overloaded',
      rule: null,
      reason: expect.stringContaining('try again later'),
    });
    expect((await enforcement.enforce(callOf('org_1', performance.now() - 9000))).decision.code).toBe('no_policy');
    expect(of('toolCall.decided')).toMatchObject([
      { code: 'overloaded', rule: null, effect: 'deny' },
      { code: 'no_policy' },
    ]);
    await recorder.stop();
  },
);

test(
  'what the log refuses for itself is given up after one try and counted, and holds up nothing that ' +
    "is another organization's",
  async () => {
    const { enforcement, recorder, refused, of } = makeEnforcement();
    await enforcement.enforce(callOf('refused', performance.now()));
    await enforcement.enforce(callOf('org_1', performance.now()));
    expect([refused, recorder.queued()]).toEqual([['gateway.started', 'toolCall.decided'], 0]);
    expect(of('toolCall.decided')).toHaveLength(1);
    await recorder.stop();
  },
);
