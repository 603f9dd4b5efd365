import { isDeepStrictEqual } from 'node:util';

const SESSION = ['lost', 'new', 'kept at the second try', 'kept'];
const isRestart = ({ step }) => step === 'gateway restart' || step === 'upstream restart';
const rankOf = ({ session } = {}) => SESSION.indexOf(session);
const isDenied = (result) =>
  result?.isError === true && String(result.content?.[0]?.text).startsWith('[POLICY DENIED] ');
/** Is everything that `part` has in `whole` too? */
const isWithin = (part, whole) =>
  isDeepStrictEqual(part, whole) ||
  (part === false && whole === true) ||
  (part !== null &&
    typeof part === 'object' &&
    typeof whole === 'object' &&
    Object.entries(part).every(([name, value]) => isWithin(value, whole?.[name])));
/** Capabilities without what they say of changes. */
const unchanging = (capabilities) =>
  Object.fromEntries(
    Object.entries(capabilities ?? {}).map(([name, value]) => [
      name,
      ['tools', 'prompts', 'resources'].includes(name) ? without('listChanged', value) : value,
    ]),
  );
const fails = (seen) => JSON.stringify(seen).includes('"failed":');
const without = (name, { [name]: _left, ...rest }) => rest;

/**
 * The kinds of difference that a client may see between a server and the same server through Toolgate. A difference of
 * none of these kinds is a fault. `sign` stands for the kind in the table; `isWorse` marks what a client would rather
 * not see.
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
      step === 'connect' &&
      direct.server === through.server &&
      isDeepStrictEqual(unchanging(through.capabilities), unchanging(direct.capabilities)) &&
      (direct.revision ?? '') <= through.revision,
  },
  'fewer capabilities': {
    sign: 'C',
    why: 'what Toolgate has no rule for, such as tasks/list, is not offered; nor is a task to clients of 2026-07-28',
    matches: ({ step, direct, through }) =>
      step === 'connect' &&
      direct.server === through.server &&
      isWithin(unchanging(through.capabilities), unchanging(direct.capabilities)) &&
      (direct.revision ?? '') <= through.revision,
  },
  'one notification more': {
    sign: '+1',
    why: 'Toolgate tells of the change too, once it has discovered what changed',
    isWorse: true,
    matches: ({ step, direct, through }) =>
      step === 'list_changed' &&
      through.count > direct.count &&
      isDeepStrictEqual({ ...through, count: direct.count }, direct),
  },
  'works through Toolgate': {
    sign: 'W',
    why: 'directly the two do not understand each other, or the server tells of no change; Toolgate speaks for both',
    matches: ({ step, direct, through }) =>
      (step === 'list_changed' && !direct.heard && through.heard && through.count === 1) ||
      (step === 'elicitation' && direct.result.failed !== undefined && through.asked.length === 1) ||
      (fails(direct) && !fails(through)),
  },
  'the session is kept': {
    sign: 'K',
    why: 'Toolgate opens the session at the server again, or needs none',
    matches: (seen) =>
      isRestart(seen) &&
      rankOf(seen.through) > rankOf(seen.direct) &&
      isDeepStrictEqual(seen.through.result, seen.direct.result ?? seen.through.result),
  },
  'a new session': {
    sign: 'S',
    why: 'the session of a server over stdio or HTTP+SSE ends with the Toolgate process that held it',
    isWorse: true,
    matches: (seen) =>
      isRestart(seen) &&
      seen.pair.transport !== 'http' &&
      seen.through.session === 'new' &&
      isDeepStrictEqual(seen.through.result, seen.direct.result),
  },
};

/** The name of the kind that a difference is of; undefined for a new one. */
export const differenceOf = (seen) => Object.keys(KINDS).find((name) => KINDS[name].matches(seen));
