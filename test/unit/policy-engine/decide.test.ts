import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide, decideWithTrace, type Facts } from '../../../src/policy-engine/decide.js';
import type { LimitRule, PolicyDocument } from '../../../src/policy-engine/document.js';
import { ToolFacts } from '../../../src/data-plane/directory/tool-facts.js';
import type { Accepted, Pins } from '../../../src/policy-engine/pins.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { decisionCases, runningExample } from '../../cases/decisions.js';

const facts: Facts = {
  tool: 'x',
  arguments: {},
  identity: { id: 'idn_1', name: 'agent', kind: 'agent', attributes: {} },
  organizationId: 'org_1',
  grantId: 'grt_1',
  serverId: 'srv_1',
  sessionId: 'session-1',
  now: new Date('2026-01-01T00:00:00Z'),
};

describe.each(decisionCases)('$name', ({ document, facts: given, expected }) => {
  const { reserved, would, ...fields } = expected;
  const policy = compilePolicy(document);
  const decision = decide(policy, { ...facts, arguments: undefined, ...given });

  test('as the table says', () => {
    expect(decision).toMatchObject(fields);
    expect(decision.would).toEqual(would);
    const reservations = decision.reservations.map(({ counter, window, max, scope, amount, pointer }) => ({
      counter,
      window,
      max,
      scope,
      amount,
      pointer,
    }));
    if (reserved !== undefined) expect(reservations).toEqual(reserved);
  });

  test('from a document that is accepted', () => {
    expect(parsePolicy(document)).toMatchObject({ ok: true });
  });

  test('and with a trace it is the same', () => {
    expect(decideWithTrace(policy, { ...facts, arguments: undefined, ...given }).decision).toEqual(decision);
  });
});

test('the table has three hundred calls, each with its own name', () => {
  expect(decisionCases.length).toBeGreaterThanOrEqual(300);
  expect(new Set(decisionCases.map(({ name }) => name)).size).toBe(decisionCases.length);
});

describe('whom a limit counts for', () => {
  const whom = (scope: LimitRule['scope'], more: Partial<Facts> = {}) => {
    const document: PolicyDocument = {
      version: '1',
      default: 'deny',
      tools: { x: { limits: [{ counter: 'c', window: 'minute', max: 1, scope }] } },
    };
    return decide(compilePolicy(document), { ...facts, ...more }).reservations.map((one) => one.whom);
  };

  test.each([
    ['grant', 'grt_1'],
    ['session', 'session-1'],
    ['server', 'srv_1'],
    ['identity', 'idn_1'],
    ['organization', 'org_1'],
    [undefined, 'grt_1'],
  ] as const)('scope %s counts for %s', (scope, id) => {
    expect(whom(scope)).toEqual([id]);
  });

  test('scope session counts by grant when there is no session', () => {
    expect(whom('session', { sessionId: undefined })).toEqual(['grt_1']);
  });
});

describe('a trace', () => {
  const document: PolicyDocument = {
    version: '1',
    default: 'deny',
    hide: ['secret'],
    tools: {
      pay: {
        limits: [{ counter: 'money', window: 'day', max: 100, increment_from: 'args.amount' }],
        rate_limit: { max: 2, window: 60 },
      },
      drop: { action: 'deny', rate_limit: { max: 2, window: 60 } },
    },
  };
  const trace = (tool: string, args?: unknown) =>
    decideWithTrace(compilePolicy(document), { ...facts, tool, arguments: args }).trace;

  test('of an allow goes through every rule in order and tells what each reserves', () => {
    expect(trace('pay', { amount: 5 })).toEqual([
      { rule: '/hide', outcome: 'passed' },
      { rule: '/tools/pay', outcome: 'passed' },
      { rule: '/tools/pay/limits/0', outcome: 'reserves', detail: 'adds 5 to money, at most 100 per day and grant' },
      {
        rule: '/tools/pay/rate_limit',
        outcome: 'reserves',
        detail: 'adds 1 to rate_limit:/tools/pay, at most 2 per 60 s and grant',
      },
    ]);
  });

  test('of a refusal ends in the rule that refused; the rest is not reached', () => {
    expect(trace('drop')).toEqual([
      { rule: '/hide', outcome: 'passed' },
      { rule: '/tools/drop', outcome: 'passed' },
      { rule: '/tools/drop/action', outcome: 'refused', detail: 'drop is denied by policy' },
      { rule: '/tools/drop/rate_limit', outcome: 'not_reached' },
    ]);
  });

  test('of a hidden tool names the place in hide', () => {
    expect(trace('secret')[0]).toEqual({
      rule: '/hide/0',
      outcome: 'refused',
      detail: 'secret is not allowed by this policy',
    });
  });

  test('of an unlisted tool names the default', () => {
    expect(trace('other')).toEqual([
      { rule: '/hide', outcome: 'passed' },
      { rule: '/default', outcome: 'refused', detail: 'other is not allowed by this policy' },
    ]);
  });
});

describe('a tool whose definition is not the pinned one', () => {
  const pins: Pins = { hashes: new Map([['x', 'old']]), acceptances: 3 };
  const without: Pins = { ...pins, hashes: new Map() };
  const seen = (definitionHash: string, accepted?: Accepted): ToolFacts =>
    new ToolFacts({ name: 'x', definitionHash, inputSchema: undefined, accepted });
  const judged = (document: object, definition: ToolFacts | undefined = seen('new'), with_: Pins = pins) =>
    decide(
      compilePolicy({ version: '1', default: 'allow', ...document } as PolicyDocument),
      { ...facts, ...(definition ? { definition } : {}) },
      with_,
    );

  test('is refused before any rule, and in monitor mode told', () => {
    for (const document of [{}, { hide: ['x'] }, { default: 'deny' }, { tools: { x: { action: 'deny' } } }])
      expect(judged(document)).toMatchObject({ effect: 'deny', code: 'tool_changed', rule: null, reservations: [] });
    expect(judged({ pin_tools: true })).toMatchObject({ code: 'tool_changed', rule: '/pin_tools' });
    expect(judged({ mode: 'monitor' })).toMatchObject({
      effect: 'allow',
      code: 'allowed',
      would: { effect: 'deny', code: 'tool_changed', rule: null },
    });
    expect(judged({ pin_tools: false })).toMatchObject({ effect: 'allow', code: 'allowed' });
  });

  test.each<[string, ToolFacts, Pins, string]>([
    ['the pinned definition', seen('old'), pins, 'allowed'],
    ['one accepted since', seen('new', { definitionHash: 'new', number: 4 }), pins, 'allowed'],
    ['one accepted before the publication', seen('new', { definitionHash: 'new', number: 3 }), pins, 'tool_changed'],
    [
      'the pinned definition after another was accepted',
      seen('old', { definitionHash: 'new', number: 4 }),
      pins,
      'tool_changed',
    ],
    [
      'a tool that was not there at the publication, as it was seen before',
      seen('new', { definitionHash: 'new', number: 1 }),
      without,
      'allowed',
    ],
    [
      'a tool that was not there at the publication, changed since it was seen',
      seen('new', { definitionHash: 'old', number: 1 }),
      without,
      'tool_changed',
    ],
    ['a tool that nothing pins', seen('new'), without, 'allowed'],
  ])('%s', (_what, definition, with_, code) => {
    expect(judged({}, definition, with_).code).toBe(code);
  });

  test('is told apart from a tool that nobody has seen, and for each policy by its own pins', () => {
    expect(decide(compilePolicy({ version: '1', default: 'allow' }), facts, pins).code).toBe('allowed');
    expect(decide(compilePolicy({ version: '1', default: 'allow' }), { ...facts, definition: seen('new') }).code).toBe(
      'allowed',
    );
    const definition = seen('new');
    expect([pins, without, pins, without].map((with_) => judged({}, definition, with_).code)).toEqual([
      'tool_changed',
      'allowed',
      'tool_changed',
      'allowed',
    ]);
  });

  test('shows in a trace as the first step, and nothing after it is reached', () => {
    const { trace } = decideWithTrace(
      compilePolicy({ version: '1', default: 'allow' }),
      { ...facts, definition: seen('new') },
      pins,
    );
    expect(trace.map(({ rule, outcome }) => [rule, outcome])).toEqual([
      ['/pin_tools', 'refused'],
      ['/default', 'not_reached'],
    ]);
  });
});

test('each decision says why', () => {
  const policy: PolicyDocument = {
    version: '1',
    default: 'allow',
    tools: {
      no: { action: 'deny' },
      held: { action: 'require_approval' },
      hushed: { action: 'require_approval', reason: 'Ask Ann' },
    },
  };
  const said = (more: Partial<Facts>, document: Partial<PolicyDocument> = {}, pins?: Pins) =>
    decide(compilePolicy({ ...policy, ...document }), { ...facts, ...more }, pins).reason;
  const changed: Partial<Facts> = { definition: { isChangedFrom: () => true } };
  expect(said({})).toBe('x is allowed by policy');
  expect(said({ tool: 'no' })).toBe('no is denied by policy');
  expect(said({ tool: 'no' }, { mode: 'monitor' })).toBe(
    'monitor mode; enforced, it would be refused: no is denied by policy',
  );
  expect([said({ tool: 'held' }), said({ tool: 'hushed' })]).toEqual(["held needs a person's approval", 'Ask Ann']);
  expect(said({ tool: 'x'.repeat(257) })).toBe('the name of the tool is longer than 256 characters');
  expect(said({ kind: 'prompt', tool: 'x'.repeat(257) })).toBe('the name of the prompt is longer than 256 characters');
  expect(said({ kind: 'resource', tool: 'x'.repeat(2049) })).toBe(
    'the name of the resource is longer than 2048 characters',
  );
  expect(said({ kind: 'resource', tool: 'file:///a/../b' })).toBe(
    'the URI of the resource can be read in more than one way (steps . or .., control characters, ' +
      'escapes of escapes or of what is not UTF-8)',
  );
  expect(said(changed, {}, { hashes: new Map(), acceptances: 0 })).toBe(
    'the definition of x has changed since this policy was published; a policy manager can look at it and accept it',
  );
  expect(said({ kind: 'prompt', ...changed }, {}, { hashes: new Map(), acceptances: 0 })).toBe(
    'x is allowed by policy',
  );
});

test('a hidden and an unlisted tool are refused in the same words', () => {
  const document: PolicyDocument = {
    version: '1',
    default: 'deny',
    hide: ['there'],
    tools: { there: { reason: 'told' } },
  };
  const say = (tool: string) => decide(compilePolicy(document), { ...facts, tool }).reason.replace(tool, '…');
  expect(say('there')).toBe(say('not_there'));
});

test('names that clients make up leave a bounded trace in memory', () => {
  const policy = compilePolicy(runningExample);
  for (let index = 0; index < 5000; index += 1) decide(policy, { ...facts, tool: `made_up_${index}` });
  expect(policy.plans.size).toBeLessThanOrEqual(1024);
  expect(decide(policy, { ...facts, tool: 'cancel_job' }).effect).toBe('allow');
});
