/** One organization seen through the API. */
import { setTimeout as sleep } from 'node:timers/promises';

let count = 0;

export const signUp = async (url) => {
  let token;
  const api = async (method, path, body) => {
    const headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const response = await fetch(`${url}/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status >= 300) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  };
  count += 1;
  const email = `lab${count}@example.com`;
  ({ token } = await api('POST', '/signup', {
    email,
    password: 'correct horse battery',
    organizationName: `Lab ${count}`,
  }));
  return {
    api,
    /** A grant for a server with this transport, under this policy. */
    grant: async (name, transport, document) => {
      const server = await api('POST', '/servers', { name, transport });
      const policy = await api('POST', `/servers/${server.id}/policies`, { name, document });
      const identity = await api('POST', '/identities', { name, kind: 'agent' });
      return api('POST', '/grants', { identityId: identity.id, serverId: server.id, policyId: policy.id });
    },
    /** Every event of a type, oldest first. */
    events: async (type) => {
      const items = [];
      for (let after = ''; ;) {
        const page = await api('GET', `/audit/events?limit=1000&type=${type}${after}`);
        items.push(...page.items);
        if (!page.hasMore) return items;
        after = `&after=${page.nextCursor}`;
      }
    },
  };
};

const SETTLE_MS = 60_000;

const allowedWithoutOutcome = async (organizations) => {
  let decisions = 0;
  const open = [];
  for (const organization of organizations) {
    const decided = await organization.events('toolCall.decided');
    const completed = new Set((await organization.events('toolCall.completed')).map(({ callId }) => callId));
    decisions += decided.length;
    open.push(...decided.filter(({ effect, callId }) => effect === 'allow' && !completed.has(callId)));
  }
  return { decisions, open };
};

/** Waits, a minute at most, until every allowed decision has its outcome; answers their number and those without. */
export const settledOutcomes = async (organizations) => {
  const until = Date.now() + SETTLE_MS;
  for (;;) {
    const found = await allowedWithoutOutcome(organizations);
    if (found.open.length === 0 || Date.now() > until) return found;
    await sleep(2000);
  }
};
