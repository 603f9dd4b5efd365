import { withoutUnseen } from '../../../platform/runtime/look-alikes.js';
import { HASHED_MEMBERS } from '../../../mcp/upstream/tool-definition.js';
import { pointerTo } from '../../../platform/json/pointer.js';

/**
 * One place where two definitions of a tool differ; `before` or `after` is absent where there is nothing. `text` shows
 * the difference in one line.
 */
export type Difference = Readonly<{ pointer: string; before?: unknown; after?: unknown; text: string }>;

type Sides = Readonly<{ before: unknown; after: unknown }>;

const MAX_DIFFERENCES = 100;
const CONTEXT = 40;

const commonLength = (
  one: readonly string[],
  other: readonly string[],
  at: (list: readonly string[], index: number) => string | undefined,
): number => {
  let length = 0;
  while (length < one.length && length < other.length && at(one, length) === at(other, length)) length += 1;
  return length;
};

/** `…what stays [-what went-]{+what came+} what stays…` */
const inline = (before: string, after: string): string => {
  const [one, other] = [[...before], [...after]];
  const start = commonLength(one, other, (list, index) => list[index]);
  const end = commonLength(one.slice(start), other.slice(start), (list, index) => list.at(-1 - index));
  const [went, came] = [one.slice(start, one.length - end).join(''), other.slice(start, other.length - end).join('')];
  const lead = `${start > CONTEXT ? '…' : ''}${withoutUnseen(one.slice(Math.max(0, start - CONTEXT), start).join(''))}`;
  const rest = one.slice(one.length - end);
  const trail = `${withoutUnseen(rest.slice(0, CONTEXT).join(''))}${rest.length > CONTEXT ? '…' : ''}`;
  return (
    `${lead}${went === '' ? '' : `[-${withoutUnseen(went)}-]`}${came === '' ? '' : `{+${withoutUnseen(came)}+}`}` +
    trail
  );
};

const textOf = ({ before, after }: Sides): string => {
  if (typeof before === 'string' && typeof after === 'string') return inline(before, after);
  return [
    ...(before === undefined ? [] : [`[-${withoutUnseen(JSON.stringify(before))}-]`]),
    ...(after === undefined ? [] : [`{+${withoutUnseen(JSON.stringify(after))}+}`]),
  ].join('');
};

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

const collect = (pointer: string, { before, after }: Sides, found: Difference[]): void => {
  if (found.length >= MAX_DIFFERENCES || Object.is(before, after)) return;
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    const [one, other] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
    for (const key of new Set([...one.keys(), ...other.keys()]))
      collect(pointerTo(pointer, key), { before: one.get(key), after: other.get(key) }, found);
    return;
  }
  found.push({
    pointer,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    text: textOf({ before, after }),
  });
};

/** Where two definitions differ in what is hashed of them, in the order of a definition; at most 100 places. */
export const definitionDiff = (
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly Difference[] => {
  const found: Difference[] = [];
  for (const key of HASHED_MEMBERS) collect(`/${key}`, { before: before[key], after: after[key] }, found);
  return found;
};
