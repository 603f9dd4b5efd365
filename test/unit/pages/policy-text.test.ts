import { describe, expect, test } from 'vitest';
import { ATTACKS } from '../../../src/control-plane/pages/content/attacks.js';
import { RISK_WORDS } from '../../../src/control-plane/pages/content/risks.js';
import { plainText } from '../../../src/control-plane/pages/document/blocks.js';
import { entryWords, policyText } from '../../../src/control-plane/pages/policy-text.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { recommendedPolicy } from '../../../src/policy-engine/classify/recommend.js';

const documents = [...ATTACKS, ...RISK_WORDS].map(({ policy }) => policy);

describe('The policies of pages', () => {
  test('are read from their text as they are, and are valid', () => {
    for (const policy of documents) {
      expect(JSON.parse(policyText(policy))).toEqual(policy);
      expect(parsePolicy(JSON.parse(policyText(policy)))).toMatchObject({ ok: true });
    }
  });

  test('of a risk category are those that the catalog recommends for its tools', () => {
    for (const { category, policy } of RISK_WORDS) {
      const [name = ''] = Object.keys(policy.tools ?? {});
      const amountInput = category === 'Financial' ? 'amount' : null;
      expect(recommendedPolicy({ name, category, amountInput })).toEqual(policy);
    }
  });
});

test('An entry is told in words that hold its numbers, its window and its scope', () => {
  const words = (entry: Parameters<typeof entryWords>[0]): string => entryWords(entry).map(plainText).join(' ');
  expect(words({ limits: [{ counter: 'c', window: 'hour', max: 30 }] })).toBe(
    'At most 30 calls an hour pass for each grant. Call 31 is refused, and the agent reads how many seconds to wait.',
  );
  expect(words({ limits: [{ counter: 'c', window: 90, max: 1, scope: 'server' }] })).toContain(
    'At most 1 calls in 90 seconds pass for the whole server.',
  );
  expect(words({ limits: [{ counter: 'c', window: 'day', max: 5, increment_from: 'args.sum' }] })).toContain(
    'The amounts in sum add up to at most 5 a day for each grant.',
  );
  expect(words({ action: 'deny', reason: 'No' })).toBe('Every call is refused. The agent reads: No.');
  expect(words({})).toBe('Every call passes, and is on record.');
  expect(words(undefined)).toContain('No policy can name this tool');
});
