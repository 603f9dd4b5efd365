import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OutgoingRecord } from '../../../src/record/log-streams/formats/outgoing-record.js';
import { syslogFrame } from '../../../src/record/log-streams/kinds/syslog-frame.js';
import { recordOf as outgoing } from '../../support/outgoing.js';

const recordOf = (more: Readonly<Record<string, unknown>> = {}, isTest = false): OutgoingRecord =>
  outgoing(
    { id: 'evt_1', type: 'toolCall.decided', organizationId: 'org_1', ...more },
    { recordedAt: new Date('2026-11-30T22:00:00.000Z'), isTest },
  );

/** Reads frames as RFC 6587 and RFC 5424 say, with a reader of its own. */
const readFrames = (stream: Buffer) => {
  const read: { header: string; params: Record<string, string>; message: string }[] = [];
  for (let at = 0; at < stream.length;) {
    const space = stream.indexOf(0x20, at);
    const length = Number(stream.subarray(at, space).toString());
    const text = stream.subarray(space + 1, space + 1 + length).toString();
    const found = /^(<\d+>1 \S+ \S+ \S+ \S+ \S+) \[toolgate@32473((?: \w+="(?:[^"\\\]]|\\.)*")*)\] (.*)$/s.exec(text);
    if (found === null) throw new Error(`no message of RFC 5424: ${text}`);
    const params = [...found[2]!.matchAll(/ (\w+)="((?:[^"\\\]]|\\.)*)"/g)].map(([, name, value]) => [
      name,
      value!.replace(/\\(.)/g, '$1'),
    ]);
    read.push({ header: found[1]!, params: Object.fromEntries(params) as Record<string, string>, message: found[3]! });
    at = space + 1 + length;
  }
  return read;
};

const HOSTILE = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom(
    '"',
    '\\',
    ']',
    '\\]',
    '\n<13>1 - - - - - - forged',
    '\r\n',
    '\0',
    '\u2028',
    '🦊',
    '=|',
    '[x@1 a="b"]',
  ),
);

describe('a message of RFC 5424', () => {
  test('hostile values stay inside their place: what is read is what was written, and no line can be forged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ id: HOSTILE, callId: HOSTILE, text: HOSTILE }), { minLength: 1, maxLength: 8 }),
        (all) => {
          const stream = Buffer.concat(
            all.map(({ id, callId, text }) => syslogFrame(recordOf({ id, callId }), text, 'lst_1')),
          );
          const read = readFrames(stream);
          expect(read.length).toBe(all.length);
          for (const [index, { id, callId, text }] of all.entries()) {
            const clean = (value: string): string => value.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
            const { params, message } = read[index]!;
            expect([params['eventId'], params['callId']]).toEqual(
              [clean(id), clean(callId)].map((value) => Buffer.from(value).toString()),
            );
            expect(message).toBe(Buffer.from(text.replace(/[\r\n\0]/g, ' ')).toString());
            expect(message).not.toMatch(/[\r\n\0]/);
          }
        },
      ),
    );
  });

  test('its length counts octets, not characters', () => {
    const frame = syslogFrame(recordOf(), '{"a":"🦊é"}', 'lst_1').toString();
    const [, length, message] = /^(\d+) (.*)$/s.exec(frame)!;
    expect(Number(length)).toBe(Buffer.byteLength(message!));
    expect(message!.length).toBeLessThan(Number(length));
  });

  test.each([
    [{ effect: 'allow' }, 110],
    [{ effect: 'deny' }, 108],
    [{ effect: 'hold' }, 109],
    [{ type: 'audit.gap' }, 107],
    [{ type: 'policy.published' }, 110],
  ])('%j has the priority %i: facility 13, and a severity by the effect', (more, priority) => {
    expect(syslogFrame(recordOf(more), '{}', 'lst_1').toString()).toContain(` <${priority}>1 `.slice(1));
  });

  test('a type that is too long or holds white space is still a message id', () => {
    const idOf = (type: string) =>
      readFrames(syslogFrame(recordOf({ type }), '{}', 'lst_1'))[0]!
        .header.split(' ')
        .at(-1);
    expect(idOf(`${'x'.repeat(40)} y`)).toBe('x'.repeat(32));
    expect(idOf(' ')).toBe('-');
  });

  test('a test event is marked', () => {
    const record = recordOf({}, true);
    expect(readFrames(syslogFrame(record, '{}', 'lst_1'))[0]!.params).toMatchObject({
      test: 'true',
      seq: '7',
      streamId: 'lst_1',
    });
  });
});
