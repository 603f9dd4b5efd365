import { isDeepStrictEqual } from 'node:util';

const SESSION = ['lost', 'new', 'kept at the second try', 'kept'];
const rankOf = ({ session } = {}) => SESSION.indexOf(session);
const isDenied = (result) =>
  result?.isError === true && String(result.content?.[0]?.text).startsWith('[POLICY DENIED] ');
const LISTS = ['tools', 'prompts', 'resources'];
/** Capabilities without what they say of changes. */
const unchanging = (capabilities) =>
  Object.fromEntries(
    Object.entries(capabilities ?? {}).map(([name, value]) => [
      name,
      LISTS.includes(name) ? without('listChanged', value) : value,
    ]),
  );
const tellsOfChanges = (capabilities) =>
  LISTS.every((name) => capabilities[name] === undefined || capabilities[name].listChanged === true);
const REFUSED_CANCELLATION = JSON.stringify('sending "notifications/cancelled": Bad Request').slice(1, -1);
const isAsked = ({ result, asked }) => asked.length === 1 && result.content?.[0]?.text === 'accept Ada';
const hears = ({ heard, count, grown }) => heard && count === 1 && grown === true;
const without = (name, { [name]: _left, ...rest }) => rest;
/** What is left of capabilities: no list of tasks, and for clients of 2026-07-28 no task. */
const fewer = ({ tasks, ...others }, revision) =>
  tasks === undefined || revision >= '2026-07-28' ? others : { ...others, tasks: without('list', tasks) };
/** The capabilities are those, but for what is said of changes; the revision is not an older one. */
const offers = (direct, through, capabilities) =>
  direct.server === through.server &&
  (direct.revision ?? '') <= through.revision &&
  tellsOfChanges(through.capabilities) &&
  isDeepStrictEqual(unchanging(through.capabilities), unchanging(capabilities));

/**
 * The kinds of difference that a client may see between a server and the same server through Toolgate. A difference of
 * none of these kinds is a fault. `sign` stands for the kind in the table; none is worse for the client than what it
 * sees directly but for a refusal, and each stands in `results.json`.
 */
export const KINDS = {
  'refused by the policy': {
    sign: 'R',
    why: 'the policy of every pair denies one tool, and lets another be called twice',
    matches: ({ step, direct, through }) =>
      (step === 'denial' && isDenied(through)) ||
      (step === 'limit' &&
        isDeepStrictEqual(direct.slice(0, 2), through.slice(0, 2)) &&
        isDenied(through[2]) &&
        / used up; try again in \d+ s$/.test(through[2].content[0].text)),
  },
  'a newer revision': {
    sign: 'N',
    why: 'Toolgate speaks the newest revision that the client knows, and to the server what that one speaks',
    matches: ({ step, direct, through }) =>
      step === 'connect' &&
      isDeepStrictEqual(without('revision', direct), without('revision', through)) &&
      (direct.revision ?? '') < through.revision,
  },
  'tells of changes': {
    sign: 'L',
    why: 'a policy may change what is listed, so Toolgate declares listChanged for every list that the server has',
    matches: ({ step, direct, through }) =>
      step === 'connect' && !direct.failed && !through.failed && offers(direct, through, direct.capabilities),
  },
  'fewer capabilities': {
    sign: 'C',
    why: 'what Toolgate has no rule for, such as tasks/list, is not offered; nor is a task to clients of 2026-07-28',
    matches: ({ step, direct, through }) =>
      step === 'connect' &&
      direct.capabilities?.tasks !== undefined &&
      offers(direct, through, fewer(direct.capabilities, through.revision)),
  },
  'works over HTTP+SSE': {
    sign: 'W',
    why: 'a client that over HTTP+SSE can not cancel, be asked, or hear of a change does so over Streamable HTTP',
    matches: ({ step, pair, direct, through }) =>
      pair.transport === 'sse' &&
      ((step === 'cancel' && isDeepStrictEqual(through, { ...direct, reached: true })) ||
        (step === 'elicitation' && direct.result.failed !== undefined && isAsked(through)) ||
        (step === 'list_changed' && direct.count === 0 && hears(through))),
  },
  'the session era': {
    sign: 'E',
    why: 'mcp-go initializes in 2026-07-28 but over Streamable HTTP; its SSE server asks nothing in a session',
    matches: ({ step, pair, direct, through }) =>
      pair.client.name === 'mcp-go' &&
      pair.transport !== 'http' &&
      ((step === 'connect' &&
        isDeepStrictEqual(direct, { ...through, revision: '2026-07-28' }) &&
        through.revision === '2025-11-25') ||
        (step === 'list_changed' && direct.count === 0 && hears(through)) ||
        (step === 'elicitation' && pair.server.name === 'mcp-go' && isAsked(direct) && through.result.failed)),
  },
  'a cancellation ends no session': {
    sign: 'A',
    why: "mcp-go refuses notifications/cancelled over Streamable HTTP, by which the Go SDK's client then ends",
    matches: ({ direct, through }) =>
      JSON.stringify(direct).includes(REFUSED_CANCELLATION) && !JSON.stringify(through).includes('"failed":'),
  },
  'the session is kept': {
    sign: 'K',
    why: 'Toolgate opens the session at the server again, or needs none',
    matches: (seen) =>
      seen.step === 'upstream restart' &&
      rankOf(seen.through) > rankOf(seen.direct) &&
      isDeepStrictEqual(seen.through.result, seen.direct.result ?? seen.through.result),
  },
};

/** The name of the kind that a difference is of; undefined for a new one. */
export const differenceOf = (seen) => Object.keys(KINDS).find((name) => KINDS[name].matches(seen));
