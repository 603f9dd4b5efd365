import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../../src/record/event-log/events/meanings.js';
import { doesFire, readSigma, type Json, type SigmaRule } from '../../support/sigma.js';

const folder = new URL('../../../docs/siem/sigma/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const recordsOf = (name: string): readonly Json[] =>
  read(`samples/${name}.ndjson`)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -'.yml'.length));
const all = names.flatMap((name) => readSigma(read(`${name}.yml`)));

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Every member of every selection of a rule. */
const selected = ({ detection }: SigmaRule): readonly (readonly [string, unknown])[] =>
  Object.entries(detection ?? {}).flatMap(([name, selection]) =>
    name === 'condition' ? [] : Object.entries(selection as Json),
  );

describe.each(names)('the Sigma rule %s', (name) => {
  const rules = readSigma(read(`${name}.yml`));

  test('fires on the records that it is about', () => {
    expect(doesFire(rules, recordsOf(`${name}.fires`))).toBe(true);
  });

  test('is quiet on records that look alike', () => {
    expect(doesFire(rules, recordsOf(`${name}.quiet`))).toBe(false);
  });

  test('has what the Sigma specification wants, and asks for events that there are', () => {
    for (const rule of rules) {
      expect(rule.id).toMatch(UUID);
      expect(rule.title.length).toBeLessThanOrEqual(256);
      expect(['informational', 'low', 'medium', 'high', 'critical']).toContain(rule.level);
      expect([rule.detection, rule.correlation].filter((one) => one !== undefined)).toHaveLength(1);
      if (rule.detection) expect(rule['logsource']).toEqual({ product: 'toolgate', service: 'audit' });
      const types = selected(rule).flatMap(([key, wanted]) => (key === 'type' ? [wanted].flat() : []));
      const known = new Set<unknown>(EVENT_TYPES);
      expect(types.filter((type) => !known.has(type))).toEqual([]);
    }
  });
});

test('no two Sigma rules have one id or one name', () => {
  for (const key of ['id', 'name'] as const) {
    const values = all.flatMap((rule) => rule[key] ?? []);
    expect(values).toEqual([...new Set(values)]);
  }
});
