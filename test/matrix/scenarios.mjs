/** What a client of the matrix does, and its transcript: what it sees of each step, and nothing that is random. */
import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_MS = 1500;
const PATIENT_MS = 6000;

/** The policy of every grant: one tool is denied, and one is limited to two calls. */
export const policyOf = ({ denied, limited }) => ({
  version: '1',
  default: 'allow',
  tools: {
    [denied]: { action: 'deny', reason: 'Not for agents' },
    ...(limited ? { [limited]: { limits: [{ counter: 'two', window: 'month', max: 2 }] } } : {}),
  },
});

const shown = ({ ok, failed }) => {
  if (failed) return { failed: { code: failed.code ?? null, message: failed.message } };
  const { content, isError, structuredContent } = ok;
  return { content, ...(isError ? { isError } : {}), ...(structuredContent ? { structuredContent } : {}) };
};

const until = async (holds, patientMs = PATIENT_MS) => {
  for (const end = Date.now() + patientMs; Date.now() < end; await sleep(100)) if (await holds()) return true;
  return false;
};

const call = async (client, name, args = {}, more = {}) => shown(await client.ask('call', { name, args, ...more }));
const told = (client, kind) => client.taken().filter(({ event }) => event === kind);

const listed = async (client) => {
  const { ok, failed } = await client.ask('list');
  if (failed) return { failed };
  return ok
    .map(({ name, description, inputSchema }) => ({ name, description, inputSchema }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
};

const listChanged = async (client) => {
  // A stream on which a server may speak opens after the connection.
  await sleep(SETTLE_MS);
  client.taken();
  const result = await call(client, 'grow');
  let count = 0;
  const counted = () => {
    count += client.taken().filter(({ event }) => event === 'list_changed').length;
    return count > 0;
  };
  const heard = await until(counted);
  await sleep(SETTLE_MS);
  counted();
  const tools = await listed(client);
  const names = Array.isArray(tools) ? tools.map(({ name }) => name) : tools;
  return { result, heard, count, grown: Array.isArray(names) ? names.includes('grown') : names };
};

const cancel = async (client, key) => {
  const result = await call(client, 'wait', { key }, { cancelOnProgress: true });
  client.taken();
  const reached = await until(async () => (await call(client, 'cancelled', { key })).content?.[0]?.text === '1');
  return { ended: result.failed ? 'refused' : result, reached, after: await call(client, 'echo', { text: 'still' }) };
};

/** The steps with the tools that all servers of the matrix have (`servers/behaviour.mjs`). */
export const own = {
  policy: policyOf({ denied: 'denied', limited: 'limited' }),
  steps: {
    list: listed,
    call: (client) => call(client, 'echo', { text: 'A text, also ünïcode ✓' }),
    failing: (client) => call(client, 'fail'),
    unknown: (client) => call(client, 'nobody'),
    denial: (client) => call(client, 'denied'),
    'after denial': (client) => call(client, 'echo', { text: 'after' }),
    limit: async (client) => {
      const limited = () => patiently(() => call(client, 'limited'));
      return [await limited(), await limited(), await limited()];
    },
    progress: async (client) => {
      client.taken();
      const result = await call(client, 'steps', {}, { withProgress: true });
      return { result, progress: told(client, 'progress').map(({ progress }) => progress) };
    },
    cancel: (client) => cancel(client, 'key'),
    elicitation: async (client) => {
      client.taken();
      const result = await call(client, 'ask');
      return { result, asked: told(client, 'elicitation').map(({ params }) => params?.message) };
    },
  },
  changes: { list_changed: listChanged },
  again: (client) => call(client, 'echo', { text: 'again' }),
};

/** The steps with a published server: one of its tools is called, and another is denied. */
export const published = ({ allowed, args = {}, denied, isVolatile = false }) => ({
  policy: policyOf({ denied }),
  steps: {
    list: listed,
    call: async (client) => {
      const result = await call(client, allowed, args);
      return isVolatile ? { kind: result.failed ? 'failed' : result.isError ? 'tool error' : 'result' } : result;
    },
    unknown: (client) => call(client, 'nobody'),
    denial: (client) => call(client, denied),
    'after denial': async (client) => (await listed(client)).length > 0,
  },
  again: async (client) => {
    const tools = await listed(client);
    return tools.failed ? tools : 'listed';
  },
});

/** What Toolgate can't put on record in time, on a busy machine, it wants to be asked again. */
const patiently = async (ask, tries = 5, mayFail = false) => {
  const answer = await ask();
  const isEarly = String(answer?.content?.[0]?.text).endsWith('try again shortly') || (mayFail && answer?.failed);
  if (tries === 1 || !isEarly) return answer;
  await sleep(1000);
  return patiently(ask, tries - 1, mayFail);
};

/** After something was started anew: does the session still work, and if not, does a new one? */
export const afterRestart = async (client, target, ask) => {
  const again = () => patiently(() => ask(client));
  const first = await again();
  if (!first?.failed) return { session: 'kept', result: first };
  const second = await again();
  if (!second?.failed) return { session: 'kept at the second try', result: second };
  await client.ask('close');
  const { failed } = await client.ask('connect', target);
  return failed ? { session: 'lost', failed } : { session: 'new', result: await patiently(again, 5, true) };
};
