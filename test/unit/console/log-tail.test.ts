import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventSplitter, type StreamEvent } from '../../../src/console/log/tail/event-stream.js';
import { LogBuffer, type Gap, type LogItem } from '../../../src/console/log/tail/log-buffer.js';

const RECORDS = 400;
const SIZE = 100;

const decided = (seq: number): LogItem => ({ seq, type: 'toolCall.decided', callId: `call_${seq}` });
const completed = (seq: number, call: number): LogItem => ({
  seq,
  type: 'toolCall.completed',
  callId: `call_${call}`,
});

describe('the lines of the log', () => {
  test('stand in order and once, however often and in whatever pieces records are delivered', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(RECORDS), fc.integer({ min: 1, max: 60 })), { minLength: 5, maxLength: 60 }),
        (pieces) => {
          const buffer = new LogBuffer<LogItem>(SIZE);
          let reached = 0;
          for (const [back, count] of pieces) {
            // A stream begins again at or before what was delivered last.
            const from = Math.max(1, reached + 1 - (back % 50));
            const piece = Array.from({ length: count }, (_, at) => decided(from + at));
            buffer.take(piece);
            reached = Math.max(reached, from + count - 1);
          }
          const seqs = buffer.lines.map(({ seq }) => seq);
          expect(seqs).toEqual(
            Array.from({ length: Math.min(SIZE, reached) }, (_, at) => reached - seqs.length + 1 + at),
          );
          expect([buffer.added, buffer.lastSeq]).toEqual([reached, reached]);
        },
      ),
    );
  });

  test('take the outcome of their call as long as they are there, and are as many as before', () => {
    const buffer = new LogBuffer<LogItem>(3);
    buffer.take([decided(1), decided(2), completed(3, 1), decided(4), decided(5)]);
    expect(buffer.lines.map(({ seq }) => seq)).toEqual([2, 4, 5]);
    expect(buffer.take([completed(6, 1)])).toBe(false);
    expect(buffer.take([completed(7, 4)])).toBe(true);
    expect(buffer.lines.map((line) => line.kind === 'item' && line.outcome?.seq)).toEqual([undefined, 7, undefined]);
    expect([buffer.added, buffer.lastSeq]).toEqual([4, 7]);
  });

  test('show what was passed over as a gap, once, and go on behind it', () => {
    const buffer = new LogBuffer<LogItem>(SIZE, 10);
    const gap: Gap = { fromSeq: 8, toSeq: 20 };
    buffer.take([decided(9), gap, gap, decided(20), decided(21)]);
    expect(buffer.lines.map(({ kind, seq }) => [kind, seq])).toEqual([
      ['gap', 11],
      ['item', 21],
    ]);
  });
});

describe('the stream of events', () => {
  const one = ({ id, event, data }: StreamEvent): string =>
    `id: ${id}\n${event === 'message' ? '' : `event: ${event}\n`}data: ${data}\n\n`;
  const text = (events: readonly StreamEvent[]): string => `: open\n\n${events.map(one).join(': keep-alive\n\n')}`;

  test('is the same in whatever pieces it arrives', () => {
    const event = fc.record({
      id: fc.nat().map(String),
      event: fc.constantFrom('message', 'gap'),
      data: fc.jsonValue().map((value) => JSON.stringify(value)),
    });
    fc.assert(
      fc.property(fc.array(event), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (events, sizes) => {
        const splitter = new EventSplitter();
        const sent = text(events);
        const read: StreamEvent[] = [];
        for (let at = 0, round = 0; at < sent.length; round += 1) {
          const size = sizes[round % sizes.length] ?? 1;
          read.push(...splitter.push(sent.slice(at, at + size)));
          at += size;
        }
        expect(read).toEqual(events);
      }),
    );
  });

  test('with an event that never ends is given up before it fills the memory', () => {
    const splitter = new EventSplitter();
    const piece = 'x'.repeat(1_000_000);
    expect(() => {
      for (let round = 0; round < 6; round += 1) splitter.push(`data: ${piece}\n`);
    }).toThrow(/too long/);
  });
});
