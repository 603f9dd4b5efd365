import { Registry } from 'prom-client';
import { afterAll, expect, test } from 'vitest';
import { closeFront, listen, makeHttpFront } from '../../../src/app/http-front.js';

const checks = { database: (): Promise<void> => Promise.resolve(), log: (): Promise<void> => Promise.resolve() };
const asks = { operator: false };
const front = makeHttpFront({
  hosts: () => true,
  isOperator: () => Promise.resolve(asks.operator),
  readiness: { database: () => checks.database(), log: () => checks.log() },
  metrics: new Registry(),
});
const port = await listen(front, 0, '127.0.0.1');
afterAll(() => closeFront(front, 0));

const ready = async (): Promise<readonly unknown[]> => {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return [response.status, await response.json()];
};

test(
  '/readyz is 503 and names the part that is away, also one that does not answer, to operators with ' +
    'the reason, and 200 once all are back',
  async () => {
    expect(await ready()).toEqual([200, { status: 'ready', parts: { database: 'ok', log: 'ok' } }]);
    checks.database = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:5432'));
    expect(await ready()).toEqual([503, { status: 'not ready', parts: { database: 'failed', log: 'ok' } }]);
    asks.operator = true;
    expect(await ready()).toEqual([
      503,
      { status: 'not ready', parts: { database: expect.stringContaining('10.0.0.7:5432'), log: 'ok' } },
    ]);
    asks.operator = false;
    checks.database = () => new Promise(() => undefined);
    expect(await ready()).toEqual([
      503,
      { status: 'not ready', parts: { database: 'no answer within 2 s', log: 'ok' } },
    ]);
    checks.database = () => Promise.resolve();
    expect(await ready()).toEqual([200, { status: 'ready', parts: { database: 'ok', log: 'ok' } }]);
  },
);

test('a head must be whole within 30 seconds and a body within two minutes, so that slow senders are cut off', () => {
  expect([front.headersTimeout, front.requestTimeout]).toEqual([30_000, 120_000]);
});
