import { expect, test } from 'vitest';
import { cleanAnswer, secretTexts } from '../../../src/record/log-streams/delivery/clean-answer.js';

const SECRET = 'whsec_4f9a7c1e2b8d6053';

test('no part of a secret is kept of an answer, wherever it stands and however long the answer is', () => {
  const secrets = secretTexts([SECRET], {});
  for (const behind of [0, 10, 5000])
    for (let at = 2000; at < 2060; at += 1) {
      const body = `${'x'.repeat(at)}${SECRET}${'y'.repeat(behind)}`;
      const kept = cleanAnswer({ httpStatus: 400, body }, secrets).body;
      expect(kept).not.toContain(SECRET.slice(0, 6));
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(2048);
    }
});

test('an answer without secrets is kept as it came, up to 2 KiB', () => {
  const body = 'the index is read-only';
  expect(cleanAnswer({ httpStatus: 400, body }, secretTexts([SECRET], {})).body).toBe(body);
  expect(cleanAnswer({ httpStatus: 400, body: 'z'.repeat(10_000) }, []).body).toBe('z'.repeat(2048));
});
