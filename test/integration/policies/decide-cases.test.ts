import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askedCases } from '../../cases/levels.js';
import { signUp, type Tenant } from '../../support/tenant.js';
import { startTestToolgate, type TestToolgate } from '../../support/toolgate.js';

let toolgate: TestToolgate;
let tenant: Tenant;
let serverId: string;
const policies = new Map<string, Promise<string>>();
const identities = new Map<string, Promise<string>>();

beforeAll(async () => {
  toolgate = await startTestToolgate();
  tenant = await signUp(toolgate.url);
  serverId = await tenant.server('http://127.0.0.1:9/mcp');
});
afterAll(() => toolgate.close());

const once = (made: Map<string, Promise<string>>, key: unknown, make: () => Promise<string>): Promise<string> => {
  const text = JSON.stringify(key);
  const id = made.get(text) ?? make();
  made.set(text, id);
  return id;
};

const identityFor = ({ name, kind, attributes }: Readonly<{ name: string; kind: string; attributes: unknown }>): Promise<string> =>
  once(identities, { name, kind, attributes }, async () => (await tenant.api('POST', '/v1/identities', { name, kind, attributes })).body['id'] as string);

test('three hundred and more of the cases can be asked', () => {
  expect(askedCases.length).toBeGreaterThanOrEqual(300);
});

describe.each(askedCases)('$name', ({ document, facts, expected }) => {
  test('is decided by POST /v1/policies/{id}/decide as the table says', async () => {
    const policyId = await once(policies, document, () => tenant.policy(serverId, document));
    const identityId = facts.identity && (await identityFor(facts.identity));
    const { status, body } = await tenant.api('POST', `/v1/policies/${policyId}/decide`, { tool: facts.tool, ...(facts.arguments === undefined ? {} : { arguments: facts.arguments }), ...(identityId ? { identityId } : {}) });
    const { reserved, would, approval: _approval, ...fields } = expected;
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject(fields);
    expect(body['would']).toEqual(would);
    if (reserved) expect(body['limits']).toEqual(reserved.map(({ pointer, ...one }) => ({ ...one, rule: pointer })));
  });
});
