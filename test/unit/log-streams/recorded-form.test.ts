import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ControlEvent, ToolgateEvent } from '../../../src/record/event-log/events/index.js';
import { lengthRefusal, MAX_EVENT_BYTES } from '../../../src/record/event-log/record-size.js';
import { recordedForm } from '../../../src/record/event-store/recorded-form.js';
import { sampleEvents } from '../../builders/sample-events.js';

type Json = Readonly<Record<string, unknown>>;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const bytes = (event: unknown): number => Buffer.byteLength(JSON.stringify(event));
const OF_CALLS = /^(toolCall|audit\.(gap|suppressed)|gateway)/;
const controls = sampleEvents.filter(({ type }) => !OF_CALLS.test(type)) as readonly ControlEvent[];
const MEMBERS = new Set(['id', 'type', 'version', 'time', 'organizationId', 'actor', 'sourceIp']);

/** Every text as long as none may be, and every list and object with as much as fits a body. */
const swollen = (value: unknown): unknown => {
  if (typeof value === 'string') return '\u0001'.repeat(20_000);
  if (Array.isArray(value)) return Array.from({ length: 100 }, () => '\u0001'.repeat(2000));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries([...Object.entries(value), ['more', 'x']].map(([name, one]) => [name, swollen(one)]));
  return value;
};

test.each(controls.map((event) => [event.type, event] as const))(
  'an event of type %s whose members are as long as can be is recorded short, with what its type needs',
  (_type, event) => {
    const long = Object.fromEntries(
      Object.entries(event).map(([name, value]) => [name, MEMBERS.has(name) ? value : swollen(value)]),
    ) as unknown as ControlEvent;
    const recorded = recordedForm(long) as unknown as Json;
    expect(bytes(recorded)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    expect(lengthRefusal(JSON.stringify(recorded))).toBeUndefined();
    for (const name of MEMBERS) expect(recorded[name]).toEqual((event as unknown as Json)[name]);
    expect(recordedForm(long)).toEqual(recorded);
  },
);

test('an event without a document whose members are short is recorded as it is', () => {
  for (const event of controls.filter(({ type }) => type !== 'policy.published'))
    expect(JSON.stringify(recordedForm(event))).toBe(JSON.stringify(event));
});

test('the document of a policy is recorded as the hash of its text, and its version shows the text', () => {
  const event = controls.find(({ type }) => type === 'policy.published') as ControlEvent & { policyId: string };
  const source = '{ "version": "1",\n "default": "deny" }';
  expect(recordedForm({ ...event, source } as unknown as ControlEvent)).toMatchObject({
    document: { sha256: hash(source), bytes: source.length, url: `/v1/policies/${event.policyId}/versions/3` },
  });
});

test('a long list is recorded as the hash of its JSON, its length and where the whole event is', () => {
  const event = controls.find(({ type }) => type === 'tools.discovered') as ControlEvent & { tools: unknown };
  const tools = Array.from({ length: 200 }, (_, n) => ({
    name: `tool_${n}`,
    definitionHash: hash('x'),
    definition: {},
  }));
  expect(recordedForm({ ...event, tools } as ToolgateEvent as ControlEvent)).toMatchObject({
    tools: { sha256: hash(JSON.stringify(tools)), items: 200, url: `/v1/audit/events/${event.id}` },
  });
});

test('what is longer than a record is refused by its bytes, and what is as long is taken', () => {
  expect(lengthRefusal('é'.repeat(MAX_EVENT_BYTES / 2))).toBeUndefined();
  expect(lengthRefusal('é'.repeat(MAX_EVENT_BYTES / 2 + 1))).toMatchObject({ refusal: 'refused' });
  expect(lengthRefusal(Buffer.alloc(MAX_EVENT_BYTES))).toBeUndefined();
  expect(lengthRefusal(Buffer.alloc(MAX_EVENT_BYTES + 1))).toMatchObject({ refusal: 'refused' });
});
