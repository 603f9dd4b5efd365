import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scaled } from '../support/scaled.ts';
import { chromiumPath } from './support/chromium.mjs';
import { startConsole } from './support/console.mjs';

const SECONDS = scaled(60, 25);
const PER_SECOND = 500;
const ROUNDS_PER_SECOND = 5;
const MAX_TASK_MS = 100;

/** Puts decisions on the record as the audit writer does: numbered on from the head, in one transaction. */
const INSERT = `
with head as (update audit_heads set next_seq = next_seq + $2, recorded_at = greatest(recorded_at, clock_timestamp())
    where organization_id = $1 returning next_seq - $2 as first, recorded_at as at),
 made as (select first + i as seq, at, 'call_' || lpad((first + i)::text, 26, '0') as call, $3::bigint + i as n
    from head, generate_series(0, $2 - 1) i)
insert into audit_records(organization_id, seq, recorded_at, id, type, time, call_id, tool, effect, code, part, off,
  event)
select $1, seq, at, 'evt_' || lpad(seq::text, 26, '0'), 'toolCall.decided', at, call, 'tool_' || n, 'allow',
  'allowed', 0, 1000000 + seq, convert_to(jsonb_build_object('id', 'evt_' || lpad(seq::text, 26, '0'),
  'type', 'toolCall.decided', 'version', 1, 'time', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'callId', call, 'method', 'tools/call', 'grantId', 'grt_01h2xcejqtf2nbrexx3vqjhp41', 'identityId',
  'idn_01h2xcejqtf2nbrexx3vqjhp41', 'identityName', 'an agent', 'serverId', 'srv_01h2xcejqtf2nbrexx3vqjhp41',
  'serverName', 'GitLab', 'tool', 'tool_' || n, 'effect', 'allow', 'code', 'allowed', 'rule', '/default', 'reason',
  'allowed', 'reserved', '[]'::jsonb, 'argumentKeys', '["project_id", "title"]'::jsonb, 'decisionMicros', 12)::text,
  'UTF8') from made`;

describe.skipIf(chromiumPath() === undefined)('The log in a browser', () => {
  let product;
  beforeAll(async () => {
    product = await startConsole();
  });
  afterAll(() => product?.close());

  const numbersIn = (page) =>
    page.getByRole('row').evaluateAll((rows) => rows.map((row) => Number(/tool_(\d+)/.exec(row.textContent)?.[1])));
  const heapOf = async (session) => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'JSHeapUsedSize').value;
  };
  /** The longest time that the page's own thread worked at one go, in milliseconds of its processor time. */
  const longestTask = (trace) => {
    const { traceEvents } = JSON.parse(trace.toString());
    const main = new Set(
      traceEvents
        .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
        .map(({ tid }) => tid),
    );
    return Math.max(
      0,
      ...traceEvents.filter(({ tid, tdur }) => tdur > 0 && main.has(tid)).map(({ tdur }) => tdur / 1000),
    );
  };

  test(`shows ${PER_SECOND} decisions a second in order and once, without long tasks and without growing`, async () => {
    const { page, open, context } = await product.signIn(product.admin);
    await open('/log');
    await page.getByText('Live', { exact: true }).waitFor();
    const session = await context.newCDPSession(page);
    await session.send('Performance.enable');
    await product.browser.startTracing(page, { categories: ['toplevel'] });
    const batch = PER_SECOND / ROUNDS_PER_SECOND;
    let made = 0;
    const heaps = [];
    for (let round = 0; round < SECONDS * ROUNDS_PER_SECOND; round += 1) {
      const began = Date.now();
      await product.toolgate.db.worker.query(INSERT, [product.tenant.organizationId, batch, made]);
      made += batch;
      const seen = (await numbersIn(page)).filter((number) => !Number.isNaN(number));
      expect(seen).toEqual(seen.map((_, at) => (seen[0] ?? 0) - at));
      if (round % (ROUNDS_PER_SECOND * 5) === 0 && made > 10 * PER_SECOND) heaps.push(await heapOf(session));
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 / ROUNDS_PER_SECOND - (Date.now() - began))));
    }
    await expect.poll(async () => (await numbersIn(page))[0]).toBe(made - 1);
    const longest = longestTask(await product.browser.stopTracing());
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThan(MAX_TASK_MS);
    expect(heaps.at(-1)).toBeLessThan(1.5 * heaps[0]);
    await context.close();
  }, 240_000);

  test('counts what is new while its reader is further down, and moves nothing under them', async () => {
    const { page, open, context } = await product.signIn(product.admin);
    await open('/log');
    await page.getByText('Live', { exact: true }).waitFor();
    await page
      .getByRole('table', { name: 'Decisions' })
      .locator('..')
      .evaluate((list) => (list.scrollTop = 640));
    await expect.poll(async () => (await numbersIn(page)).length).toBeGreaterThan(10);
    const before = await page.getByRole('row').last().boundingBox();
    const text = await page.getByRole('row').last().textContent();
    await product.toolgate.db.worker.query(INSERT, [product.tenant.organizationId, 7, 1_000_000]);
    await page.getByRole('button', { name: '7 new' }).waitFor();
    expect(await page.getByRole('row').last().boundingBox()).toEqual(before);
    expect(await page.getByRole('row').last().textContent()).toBe(text);
    await page.getByRole('button', { name: '7 new' }).click();
    await expect.poll(async () => (await numbersIn(page))[0]).toBe(1_000_006);
    await context.close();
  });
});
