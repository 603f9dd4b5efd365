import { Counter, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { HotCounter, HotHistogram } from '../../../src/platform/runtime/hot-metrics.js';

test('what is scraped is what prom-client would count', async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const named = { name: 'a_total', help: 'A' };
  const timed = { name: 'b_seconds', help: 'B', buckets: [0.001, 0.01, 1] };
  const counters = [
    new HotCounter(ours, { ...named, labelNames: ['effect', 'code'] }),
    new Counter({ ...named, labelNames: ['effect', 'code'], registers: [theirs] }),
  ];
  const single = [
    new HotCounter(ours, { ...named, name: 'c_total', labelNames: ['status'] }),
    new Counter({ ...named, name: 'c_total', labelNames: ['status'], registers: [theirs] }),
  ];
  const histograms = [new HotHistogram(ours, timed), new Histogram({ ...timed, registers: [theirs] })];
  for (let scrape = 0; scrape < 2; scrape += 1) {
    for (const [effect, code] of [
      ['allow', 'allowed'],
      ['deny', 'hidden'],
      ['allow', 'allowed'],
      ['deny', 'allowed'],
    ] as const)
      for (const counter of counters) counter.inc({ effect, code });
    for (const counter of single) counter.inc({ status: 'ok' });
    for (const seconds of [0, 0.001, 0.0011, 0.5, 1, 30])
      for (const histogram of histograms) histogram.observe(seconds);
    const lines = async (registry: Registry): Promise<readonly string[]> =>
      (await registry.metrics()).split('\n').toSorted();
    expect(await lines(ours)).toEqual(await lines(theirs));
  }
});
