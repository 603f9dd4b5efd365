import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decideWithTrace } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';

const outcomesOf = (document: PolicyDocument, given: unknown): readonly string[] =>
  decideWithTrace(compilePolicy(document), {
    tool: 'x',
    arguments: given,
    identity: { id: 'idn_1', name: 'a', kind: 'agent', attributes: {} },
    organizationId: 'org_1',
    grantId: 'grt_1',
    serverId: 'srv_1',
    now: new Date(0),
  }).trace.map(({ rule, outcome }) => `${rule} ${outcome}`);

test.each([
  [{ id: '42' }, 'undecidable'],
  [{ id: 41 }, 'refused'],
  [{ id: 42 }, 'passed'],
])('a trace tells for %j that the rule is %s', (given, outcome) => {
  const require = [{ path: 'args.id', op: 'eq', value: 42 }] as const;
  const document: PolicyDocument = { version: '1', default: 'deny', tools: { x: { require } } };
  expect(outcomesOf(document, given)).toContain(`/tools/x/require/0 ${outcome}`);
});

test('a trace tells that a deny_if refuses because it is undecidable', () => {
  const conditions = [{ path: 'args.id', op: 'eq', value: 42 }] as const;
  const document: PolicyDocument = { version: '1', default: 'deny', tools: { x: { deny_if: [{ conditions }] } } };
  expect(outcomesOf(document, { id: [42] })).toContain('/tools/x/deny_if/0 undecidable');
});
