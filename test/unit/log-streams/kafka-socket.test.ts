import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeFrameReader } from '../../../src/record/log-streams/kinds/kafka-socket.js';

const frameOf = (body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
};

describe('responses of a broker', () => {
  test('are passed on whole and in order, however the bytes are cut', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 50 }), { maxLength: 10 });
    fc.assert(
      fc.property(bodies, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (all, cuts) => {
        const frames = all.map((body) => frameOf(Buffer.from(body)));
        const stream = Buffer.concat(frames);
        const passed: Buffer[] = [];
        const read = makeFrameReader((frame) => passed.push(frame));
        for (let at = 0; at < stream.length;) {
          const size = cuts.next().value;
          read(stream.subarray(at, at + size));
          at += size;
        }
        expect(passed.map(String)).toEqual(frames.map(String));
      }),
    );
  });

  test.each([0, 3, -1, -2_147_483_648, 8 * 2 ** 20 + 1, 2_147_483_647])(
    'one of %i bytes ends the connection',
    (length) => {
      const head = Buffer.alloc(4);
      head.writeInt32BE(length);
      const read = makeFrameReader(() => expect.unreachable());
      expect(() => read(head)).toThrow(RangeError);
    },
  );

  test('a server of SCRAM that asks for millions of rounds of hashing is refused, also in pieces', () => {
    const serverFirst = (rounds: string) => frameOf(Buffer.from(`\0\0\0\x01\0\0\0\0r=nonce,s=c2FsdA==,i=${rounds}`));
    const passed: Buffer[] = [];
    const read = makeFrameReader((frame) => passed.push(frame));
    read(serverFirst('8192'));
    expect(passed.length).toBe(1);
    const lie = serverFirst('2147483647');
    expect(() => {
      for (const byte of lie) read(Buffer.from([byte]));
    }).toThrow(/rounds of hashing/);
    expect(passed.length).toBe(1);
  });
});
