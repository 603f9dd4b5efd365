import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../../src/record/event-log/events/meanings.js';
import { MAX_RECORD_BYTES } from '../../../src/record/event-log/record-size.js';

import { cef } from '../../../src/record/log-streams/formats/cef.js';
import { ecs } from '../../../src/record/log-streams/formats/ecs.js';
import type { Format } from '../../../src/record/log-streams/formats/format.js';
import { native } from '../../../src/record/log-streams/formats/native.js';
import { ocsf } from '../../../src/record/log-streams/formats/ocsf.js';
import { otlp } from '../../../src/record/log-streams/formats/otlp.js';
import type { OutgoingRecord } from '../../../src/record/log-streams/formats/outgoing-record.js';
import { PRODUCT } from '../../../src/record/log-streams/formats/product.js';
import { sampleEvents } from '../../builders/sample-events.js';
import { recordOf } from '../../support/outgoing.js';
import { readCef } from '../../support/read-cef.js';
import { ecsFaults, ocsfFaults } from '../../support/siem-schemas.js';

type Json = Readonly<Record<string, unknown>>;

const RECORDED_AT = '2026-11-30T21:00:00.456Z';
const record = (event: Json, { seq = 7, isTest = false } = {}): OutgoingRecord =>
  recordOf(event, { seq, recordedAt: new Date(RECORDED_AT), isTest });
const samples = sampleEvents.map((event, index) => record(event as unknown as Json, { seq: index + 1 }));
const decided = samples.find(({ type }) => type === 'toolCall.decided') as OutgoingRecord;
const formats = [native, ocsf, ecs, cef, otlp] as const;
const written = (format: Format, one: OutgoingRecord): string => format.format(one, '1');
const object = (format: Format, one: OutgoingRecord): Json => JSON.parse(written(format, one)) as Json;

/** A member of an object by its path. */
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((current, name) => (current as Json | undefined)?.[name], value);

test('there is a sample of every type of event', () => {
  expect(sampleEvents.map(({ type }) => type).toSorted()).toEqual([...EVENT_TYPES].toSorted());
});

test('the version that formats name is that of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as Json;
  expect(PRODUCT.version).toBe(version);
});

describe('a record of every type', () => {
  test.each(samples.map((one) => [one.type, one] as const))('of OCSF 1.8.0 is valid in its class: %s', (_type, one) => {
    expect(ocsfFaults(object(ocsf, one))).toEqual([]);
  });

  test.each(samples.map((one) => [one.type, one] as const))('of ECS 9.5 has its fields alone: %s', (_type, one) => {
    expect(ecsFaults(object(ecs, one))).toEqual([]);
  });

  test.each(samples.map((one) => [one.type, one] as const))(
    'has its ids, call and schema version in each format: %s',
    (_type, one) => {
      const { eventId, seq, callId } = one;
      const o = object(ocsf, one);
      expect([at(o, 'metadata', 'uid'), at(o, 'metadata', 'sequence')]).toEqual([eventId, seq]);
      expect([at(o, 'unmapped', 'toolgate', 'callId'), at(o, 'unmapped', 'toolgate', 'schemaVersion')]).toEqual([
        callId,
        1,
      ]);
      const e = object(ecs, one);
      expect([at(e, 'event', 'id'), at(e, 'event', 'sequence')]).toEqual([eventId, seq]);
      expect([at(e, 'labels', 'callId'), at(e, 'labels', 'schemaVersion')]).toEqual([callId, 1]);
      const { extension } = readCef(written(cef, one));
      expect([extension.get('externalId'), extension.get('cn1'), extension.get('cn1Label')]).toEqual([
        eventId,
        String(seq),
        'seq',
      ]);
      expect([extension.get('cs4'), extension.get('cn2')]).toEqual([callId, '1']);
      const attributes = new Map(
        (object(otlp, one)['attributes'] as readonly { key: string; value: Json }[]).map(({ key, value }) => [
          key,
          Object.values(value)[0],
        ]),
      );
      expect(
        ['log.record.uid', 'toolgate.seq', 'toolgate.callId', 'toolgate.schemaVersion'].map((key) =>
          attributes.get(key),
        ),
      ).toEqual([eventId, String(seq), callId, '1']);
    },
  );
});

test.each([
  ['allow', 'allowed', 1, 1, 'success', ['allowed']],
  ['deny', 'denied_by_rule', 2, 2, 'failure', ['denied']],
  ['deny', 'rate_limited', 2, 25, 'failure', ['denied']],
  ['deny', 'audit_unavailable', 2, 27, 'failure', ['denied']],
  ['hold', 'approval_required', 3, 14, 'unknown', ['info']],
])('a decision of effect %s and code %s is an API activity with what the control did', (...row) => {
  const [effect, code, action, disposition, outcome, types] = row;
  const one = record({ ...decided.event, effect, code });
  const event = object(ocsf, one);
  expect(ocsfFaults(event)).toEqual([]);
  expect([event['class_uid'], event['action_id'], event['disposition_id']]).toEqual([6003, action, disposition]);
  expect(at(event, 'trace', 'uid')).toBe(decided.event['traceId']);
  const document = object(ecs, one);
  expect(ecsFaults(document)).toEqual([]);
  expect([at(document, 'event', 'outcome'), at(document, 'event', 'type')]).toEqual([outcome, types]);
});

test('a type that a mapping does not know goes into the generic class of each format', () => {
  const one = record({ id: 'evt_1', type: 'weather.changed', version: 4, time: RECORDED_AT, organizationId: 'org_1' });
  expect(ocsfFaults(object(ocsf, one))).toEqual([]);
  expect([at(object(ocsf, one), 'class_uid'), at(object(ocsf, one), 'metadata', 'event_code')]).toEqual([
    0,
    'weather.changed',
  ]);
  expect(ecsFaults(object(ecs, one))).toEqual([]);
  expect(at(object(ecs, one), 'event', 'action')).toBe('weather.changed');
  expect(readCef(written(cef, one)).header.slice(4, 6)).toEqual(['weather.changed', 'weather.changed']);
  expect(object(otlp, one)['eventName']).toBe('weather.changed');
});

test('a test event says so in each format', () => {
  const one = record({ ...decided.event, type: 'logStream.test', test: true }, { isTest: true });
  expect(object(native, one)['test']).toBe(true);
  expect(at(object(ocsf, one), 'unmapped', 'toolgate', 'test')).toBe(true);
  expect(at(object(ecs, one), 'toolgate', 'test')).toBe(true);
  const { extension } = readCef(written(cef, one));
  expect([extension.get('flexString1Label'), extension.get('flexString1')]).toEqual(['toolgate.test', 'true']);
  expect(written(otlp, one)).toContain('{"key":"toolgate.test","value":{"boolValue":true}}');
});

const NASTY = [
  '|',
  '=',
  ']',
  '"',
  '\\',
  '\n',
  '\r\n',
  '\0',
  '\u2028',
  '=1+1',
  '@SUM(A1)',
  '😀',
  '\ud800',
  '\udfff',
  ' a=b ',
];
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...NASTY, 'x'), { maxLength: 12 }).map((parts) => parts.join('')),
);
const values = fc.oneof(texts, fc.jsonValue(), fc.constantFrom(null, -1, 1e300, true));
const NAMES = [
  'reason',
  'tool',
  'rule',
  'code',
  'effect',
  'name',
  'email',
  'client',
  'actor',
  'sourceIp',
  'callId',
  'time',
];
const events = fc
  .tuple(
    fc.constantFrom(...sampleEvents),
    fc.dictionary(fc.oneof(fc.constantFrom(...NAMES, '__proto__', 'a.b', 'type'), texts), values, { maxKeys: 8 }),
  )
  .map(([event, hostile]) => ({ ...event, ...hostile, id: event.id }) as unknown as Json);

test('whatever an event holds, every format writes one line, valid by its schema, and nothing throws', () => {
  fc.assert(
    fc.property(events, (event) => {
      const one = record(event);
      for (const format of formats) expect(written(format, one)).not.toMatch(/[\r\n]/);
      expect(ocsfFaults(object(ocsf, one))).toEqual([]);
      expect(ecsFaults(object(ecs, one))).toEqual([]);
      readCef(written(cef, one));
      for (const format of [ocsf, ecs, cef, otlp]) {
        const text = written(format, one);
        expect(Buffer.from(text).toString()).toBe(text);
      }
    }),
  );
});

test('hostile texts come out of each format as they went in, but for NUL and lone surrogates', () => {
  const safe = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
  fc.assert(
    fc.property(
      texts.filter((text) => text !== ''),
      (tool) => {
        const one = record({ ...decided.event, tool });
        expect(at(object(ocsf, one), 'resources', '0', 'name')).toBe(safe(tool));
        expect(at(object(ecs, one), 'gen_ai', 'tool', 'name')).toBe(safe(tool));
        expect(readCef(written(cef, one)).extension.get('cs1')).toBe(safe(tool).replaceAll('\0', '\ufffd'));
        expect(written(otlp, one)).toContain(
          `{"key":"gen_ai.tool.name","value":{"stringValue":${JSON.stringify(safe(tool))}}}`,
        );
      },
    ),
  );
});

test.each(['x', '=', '\\', '\n', '😀', '\ud800', '|', '"'])(
  'a value of 200 KB of %j makes no line longer than a record',
  (unit) => {
    const long = unit.repeat(200_000);
    for (const name of ['reason', 'tool', 'rule', 'callId', 'comment'])
      for (const format of [ocsf, ecs, cef, otlp])
        expect(Buffer.byteLength(written(format, record({ ...decided.event, [name]: long })))).toBeLessThanOrEqual(
          MAX_RECORD_BYTES,
        );
  },
);
