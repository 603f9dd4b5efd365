import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnText } from '../../../src/record/audit/columns.js';
import { readEvent } from '../../../src/record/audit/read-event.js';

const organizationId = 'org_01h2xcejqtf2nbrexx3vqjhp41';
const event = {
  id: 'evt_1',
  type: 'toolCall.decided',
  organizationId,
  time: '2026-11-22T10:00:00.123456+02:00',
  tool: 'cancel_job',
  callId: 7,
};
const read = (value: unknown, key = organizationId) =>
  readEvent(key, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

describe('readEvent', () => {
  test('takes the columns of an event, its time in UTC, and leaves out what is not a text', () => {
    expect(read(event)).toEqual({
      ok: true,
      columns: {
        organizationId,
        id: 'evt_1',
        type: 'toolCall.decided',
        timeMs: Date.UTC(2026, 10, 22, 8, 0, 0, 123),
        callId: null,
        grantId: null,
        identityId: null,
        serverId: null,
        tool: 'cancel_job',
        effect: null,
        code: null,
        status: null,
        shadow: null,
      },
    });
  });

  test.each([
    ['no JSON', '{', 'not_json'],
    ['a list', [event], 'not_an_event'],
    ['no id', { ...event, id: '' }, 'not_an_event'],
    ['an id too long for a column', { ...event, id: 'x'.repeat(201) }, 'not_an_event'],
    ['no organization id', { ...event, organizationId: 'acme' }, 'not_an_event'],
    ['a time without a zone', { ...event, time: '2026-11-22T10:00:00' }, 'wrong_time'],
    ['a time that is none', { ...event, time: '2026-13-22T10:00:00Z' }, 'wrong_time'],
    ['a time before 1970', { ...event, time: '0001-01-01T00:00:00Z' }, 'wrong_time'],
  ])('refuses %s', (_name, value, reason) => {
    expect(read(value)).toEqual({ ok: false, reason });
  });

  test('refuses an event under the key of another organization', () => {
    expect(read(event, 'org_01h2xcejqtf2nbrexx3vqjhp42')).toEqual({ ok: false, reason: 'wrong_key' });
  });

  test('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => !readEvent(organizationId, Buffer.from(bytes)).ok));
    fc.assert(fc.property(fc.json(), (text) => !read(text).ok));
  });
});

describe('columnText', () => {
  test('holds nothing that PostgreSQL refuses, and short names unchanged', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '\0', '\uD800', '\u{1F600}', 'é'), maxLength: 250 }),
        (text) => {
          const column = columnText(text) ?? '';
          expect(column.length).toBeLessThanOrEqual(200);
          expect(column).not.toContain('\0');
          if (text.length <= 200 && !text.includes('\0')) expect(column).toBe(text);
        },
      ),
    );
  });
});
