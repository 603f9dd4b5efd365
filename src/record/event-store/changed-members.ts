import { isDeepStrictEqual } from 'node:util';

type Members = Readonly<Record<string, unknown>>;

/** Members of most states that change with every event, or that the event's type tells. */
const UNTOLD = new Set(['createdAt', 'updatedAt', 'deleted']);

/** What a state shows of itself in `before` and `after`, unless its stream says otherwise. */
export const withoutTimes = (state: object): Members =>
  Object.fromEntries(Object.entries(state).filter(([name]) => !UNTOLD.has(name)));

/** `before` and `after` of an event: the members in which two states differ; nothing when there are none. */
export const changedMembers = (before: Members, after: Members): Readonly<{ before?: Members; after?: Members }> => {
  const names = Object.keys({ ...before, ...after }).filter((name) => !isDeepStrictEqual(before[name], after[name]));
  const pick = (state: Members): Members =>
    Object.fromEntries(names.flatMap((name) => (state[name] === undefined ? [] : [[name, state[name]]])));
  return names.length === 0 ? {} : { before: pick(before), after: pick(after) };
};
