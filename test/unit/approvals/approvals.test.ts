import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideApproval,
  evolveApproval,
  decideApprovalExpiry,
  decideApprovalRequest,
  type Approval,
  type DecideApprovalCommand,
} from '../../../src/control-plane/approvals/approvals.js';
import type { ApprovalBody, ControlEvent, HeldCall } from '../../../src/record/event-log/events/index.js';
import { Problem } from '../../../src/platform/runtime/problems.js';

const call: HeldCall = {
  grantId: 'grt_1',
  identityId: 'idn_1',
  serverId: 'srv_1',
  tool: 'merge',
  argumentKeys: [],
  argumentsDigest: 'd',
  definitionHash: null,
  policyId: 'pol_1',
  policyVersion: 1,
  rule: null,
  reason: 'why',
};
const START = Date.parse('2026-01-01T00:00:00Z');
const EXPIRES = START + 3_600_000;

const evolve = (state: Approval | undefined, bodies: readonly ApprovalBody[]): Approval | undefined =>
  bodies.reduce<Approval | undefined>(
    (current, body) =>
      evolveApproval(current, {
        id: 'evt_1',
        version: 1,
        time: new Date(START).toISOString(),
        organizationId: 'org_1',
        actor: { type: 'member', id: 'usr_1' },
        ...body,
      } as ControlEvent & ApprovalBody),
    state,
  );
const requested = (count: number): Approval =>
  evolve(
    undefined,
    decideApprovalRequest('apr_1', undefined, { call, count, expiresAt: new Date(EXPIRES).toISOString() }),
  ) as Approval;
const said = (memberId: string, more: Partial<DecideApprovalCommand> = {}): DecideApprovalCommand => ({
  decision: 'approved',
  memberId,
  comment: null,
  now: new Date(START),
  involvedMembers: ['issuer', 'owner'],
  ...more,
});
const after = (state: Approval, ...all: readonly DecideApprovalCommand[]): Approval =>
  all.reduce((current, one) => evolve(current, decideApproval('apr_1', current, one)) as Approval, state);
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
  return 'none';
};

describe('an approval', () => {
  test.each(['issuer', 'owner'])('is not given by the %s, who may reject', (memberId) => {
    expect(refusal(() => decideApproval('apr_1', requested(1), said(memberId)))).toBe('four_eyes');
    expect(after(requested(1), said(memberId, { decision: 'rejected' })).status).toBe('rejected');
  });

  test('is as good as over at its expiry to the millisecond', () => {
    expect(after(requested(1), said('a', { now: new Date(EXPIRES - 1) })).status).toBe('approved');
    expect(refusal(() => decideApproval('apr_1', requested(1), said('a', { now: new Date(EXPIRES) })))).toBe(
      'conflict',
    );
    expect(
      refusal(() =>
        decideApproval(
          'apr_1',
          evolve(requested(1), decideApprovalExpiry('apr_1', requested(1))) as Approval,
          said('a'),
        ),
      ),
    ).toBe('conflict');
  });

  test('that was decided is decided: the same person saying the same changes nothing, all else is refused', () => {
    const approved = after(requested(1), said('a'));
    expect(decideApproval('apr_1', approved, said('a'))).toEqual([]);
    expect(refusal(() => decideApproval('apr_1', approved, said('b')))).toBe('conflict');
    expect(refusal(() => decideApproval('apr_1', approved, said('a', { decision: 'rejected' })))).toBe('conflict');
    expect(decideApprovalExpiry('apr_1', approved)).toEqual([]);
  });

  test('may be rejected by one who approved it, while it waits for another', () => {
    expect(after(requested(2), said('a'), said('a', { decision: 'rejected' })).status).toBe('rejected');
  });

  test('begins with its request', () => {
    expect(() => evolve(undefined, decideApprovalExpiry('apr_1', requested(1)))).toThrow(/never requested/);
  });
});

test(
  'whatever people say in whatever order, it is approved exactly when as many different people as ' +
    'it needs, none of them a party, approved it and nobody rejected it before',
  () => {
    const votes = fc.array(
      fc.record({
        memberId: fc.constantFrom('a', 'b', 'c', 'd', 'issuer', 'owner'),
        decision: fc.constantFrom('approved' as const, 'approved' as const, 'approved' as const, 'rejected' as const),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), votes, (count, all) => {
        let state = requested(count);
        const approvers = new Set<string>();
        let expected = 'pending';
        for (const { memberId, decision } of all) {
          if (expected === 'pending' && decision === 'rejected') expected = 'rejected';
          if (
            expected === 'pending' &&
            !['issuer', 'owner'].includes(memberId) &&
            approvers.add(memberId).size === count
          )
            expected = 'approved';
          try {
            state = after(state, said(memberId, { decision }));
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
          }
          expect(state.status).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  },
);
