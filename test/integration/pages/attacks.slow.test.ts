import { describe, expect } from 'vitest';
import type { Attack, ExampleTool, TrialStep } from '../../../src/control-plane/pages/content/attack.js';
import { ATTACKS } from '../../../src/control-plane/pages/content/attacks.js';
import { tenantTest } from '../../support/product-test.js';
import { openSession, type Grant, type Person } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream, type UpstreamTool } from '../../support/upstream.js';

type Json = Record<string, unknown>;
type Call = Extract<TrialStep, { call: string }>;

const { test, toolgate, tenant } = tenantTest({ TRUSTED_PROXIES: '127.0.0.1' });
let approver: Pick<Person, 'api'>;

test.beforeAll(async () => {
  approver = await tenant.person('approver');
});

const definition = ({ name, description, arguments: names }: ExampleTool): UpstreamTool =>
  aTool(name, {
    description,
    inputSchema: { type: 'object', properties: Object.fromEntries(names.map((n) => [n, {}])) },
  });

/** An agent under the policy of an attack's page, at a server with the tools of its example. */
const agentOf = async (attack: Attack, upstream: Upstream) => {
  const serverId = await tenant.server(upstream.url);
  const identity = await tenant.api('POST', '/v1/identities', {
    name: `agent of ${attack.slug} ${Math.random()}`,
    kind: 'agent',
    attributes: attack.attributes ?? {},
  });
  const grant: Grant = await tenant.grant({
    serverId,
    policyId: await tenant.policy(serverId, attack.policy),
    identityId: identity.body['id'] as string,
  });
  const session = await openSession(grant);
  const ask = async (method: string, params: Json, from = '127.0.0.1'): Promise<Json> => {
    const response = await session.post({ jsonrpc: '2.0', id: 1, method, params }, { 'x-forwarded-for': from });
    return ((await response.json()) as { result: Json }).result;
  };
  let held = '';
  return {
    call: async ({ call: name, arguments: args, from }: Call) => {
      const result = await ask('tools/call', { name, arguments: args }, from);
      const meta = (result['_meta'] as Record<string, Json> | undefined)?.['io.toolgate/decision'];
      if (meta?.['effect'] === 'hold') held = String(meta['approvalId']);
      return meta ? { effect: meta['effect'], code: meta['code'] } : { effect: 'allow', code: 'allowed' };
    },
    list: async () => ((await ask('tools/list', {}))['tools'] as { name: string }[]).map(({ name }) => name),
    approve: async () => (await approver.api('POST', `/v1/approvals/${held}/approve`, { comment: 'fine' })).status,
  };
};

const minute = async (): Promise<unknown> =>
  (await toolgate.db.worker.query(`select date_trunc('minute', clock_timestamp())::text as minute`)).rows[0]?.minute;

/** What every step of an attack's example answers, beside what its page says. */
const play = async (attack: Attack): Promise<readonly Readonly<{ said: unknown; answered: unknown }>[]> => {
  const upstream = await startUpstream({ json: true, tools: attack.tools.map(definition) });
  try {
    const agent = await agentOf(attack, upstream);
    // The approval of an example is that of the first call that was held.
    let first: (() => Promise<number>) | undefined;
    const told: Readonly<{ said: unknown; answered: unknown }>[] = [];
    for (const step of attack.trial) {
      if ('list' in step) told.push({ said: step.list, answered: await agent.list() });
      else if ('redefine' in step) upstream.setTools(step.redefine.map(definition));
      else if ('approve' in step) told.push({ said: 200, answered: await (first ??= agent.approve)() });
      else
        for (let count = 0; count < (step.times ?? 1); count += 1)
          told.push({ said: { effect: step.effect, code: step.code }, answered: await agent.call(step) });
    }
    return told;
  } finally {
    await upstream.close();
  }
};

describe('The gateway does what the page of an attack says', () => {
  test.each(ATTACKS.map((attack) => [attack.slug, attack] as const))(
    'The policy against %s allows, holds and refuses each call of its example as its page says',
    async (_slug, attack) => {
      // A limit of a minute says nothing of calls on both sides of its edge: those are made once more.
      for (;;) {
        const before = await minute();
        const told = await play(attack);
        if (before !== (await minute())) continue;
        expect(told.map(({ answered }) => answered)).toEqual(told.map(({ said }) => said));
        break;
      }
    },
  );
});

test('Every attack pattern has a call that its policy refuses or holds, and one that passes', () => {
  for (const { slug, trial } of ATTACKS) {
    const effects = new Set(trial.flatMap((step) => ('call' in step ? [step.effect] : [])));
    expect(effects.has('allow'), slug).toBe(true);
    expect(effects.has('deny') || effects.has('hold'), slug).toBe(true);
  }
  expect(new Set(ATTACKS.map(({ slug }) => slug)).size).toBe(ATTACKS.length);
});
