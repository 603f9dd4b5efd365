/** One organization seen through the API. */

let count = 0;

export const signUp = async (url) => {
  let token;
  const api = async (method, path, body) => {
    const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${url}/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (response.status >= 300) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  };
  count += 1;
  const email = `lab${count}@example.com`;
  ({ token } = await api('POST', '/signup', { email, password: 'correct horse battery', organizationName: `Lab ${count}` }));
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
      for (let after = ''; ; ) {
        const page = await api('GET', `/audit/events?limit=1000&type=${type}${after}`);
        items.push(...page.items);
        if (!page.hasMore) return items;
        after = `&after=${page.nextCursor}`;
      }
    },
  };
};
