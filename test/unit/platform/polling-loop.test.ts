import { expect, test } from 'vitest';
import { startPollingLoop } from '../../../src/platform/runtime/polling-loop.js';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const onFailure = { failed: 'a round of this test failed', retryDelayMs: 20 };

test('rounds never overlap, and one that asks for no pause is followed at once', async () => {
  let running = 0;
  let most = 0;
  let rounds = 0;
  const loop = startPollingLoop(async () => {
    most = Math.max(most, (running += 1));
    await pause(1);
    running -= 1;
    return (rounds += 1) < 5 ? 0 : 60_000;
  }, onFailure);
  loop.wake();
  await expect.poll(() => rounds).toBeGreaterThanOrEqual(5);
  await loop.stop();
  expect(most).toBe(1);
});

test('a wake during a round or during a pause makes the next one due at once', async () => {
  let rounds = 0;
  const loop = startPollingLoop(async () => {
    rounds += 1;
    await pause(5);
    return 60_000;
  }, onFailure);
  loop.wake();
  await expect.poll(() => rounds).toBe(2);
  await pause(20);
  expect(rounds).toBe(2);
  loop.wake();
  await expect.poll(() => rounds).toBe(3);
  await loop.stop();
});

test(
  'a round that fails comes again after its rest, also when it was woken meanwhile, and stop waits ' +
    'for the round under way',
  async () => {
    const began: number[] = [];
    let ended = false;
    const loop = startPollingLoop(async () => {
      began.push(performance.now());
      if (began.length === 1) {
        await pause(1);
        loop.wake();
        throw new Error('on purpose');
      }
      await pause(30);
      ended = true;
      return 60_000;
    }, onFailure);
    await expect.poll(() => began.length).toBe(2);
    expect((began[1] as number) - (began[0] as number)).toBeGreaterThanOrEqual(18);
    await loop.stop();
    expect(ended).toBe(true);
  },
);
