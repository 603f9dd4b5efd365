import type { Posture, Recommendable } from './recommend.js';
import { CATEGORIES, type Category } from './rule.js';

const counted = (tools: number): string => (tools === 1 ? '1 tool' : `${tools} tools`);

const limited = 'is allowed, within limits';

const sentences: Readonly<Record<Posture, Readonly<Record<Category, string>>>> = {
  'read-only': {
    Read: 'is allowed',
    Write: 'is denied',
    Execute: 'is denied',
    Financial: 'is denied',
    Destructive: 'is denied',
  },
  balanced: {
    Read: 'is allowed',
    Write: 'is allowed, each tool 30 times an hour and grant',
    Execute: 'is allowed, each tool 10 times a minute and grant',
    Financial: 'waits for a person, and may spend only so much a day',
    Destructive: 'is refused, with a reason',
  },
  open: {
    Read: limited,
    Write: limited,
    Execute: limited,
    Financial: 'waits for a person, and may spend only so much a day',
    Destructive: 'waits for a person',
  },
};

const deeds: Readonly<Record<Category, string>> = {
  Read: 'What only reads',
  Write: 'What changes data and can be taken back',
  Execute: 'What starts, stops or runs something',
  Financial: 'What moves money',
  Destructive: 'What can not be taken back',
};

/** A recommended policy in words: a sentence for each category that the tools have, and what becomes of all else. */
export function explanationOf(tools: readonly Recommendable[], posture: Posture): string {
  const lines = CATEGORIES.flatMap((category) => {
    const count = tools.filter((tool) => tool.category === category).length;
    return count === 0 ? [] : [`${deeds[category]} (${counted(count)}) ${sentences[posture][category]}.`];
  });
  return [...lines, 'Everything else is denied, also what the server adds later.'].join(' ');
}
