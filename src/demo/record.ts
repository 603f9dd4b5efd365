import { setTimeout as sleep } from 'node:timers/promises';
import type { Rest } from './client.js';
import { clipped, type Screen } from './screen.js';

type Event = Readonly<{
  seq: number;
  recordedAt: string;
  id: string;
  type: string;
  callId?: string;
  tool?: string;
  effect?: string;
  code?: string;
  rule?: string | null;
  status?: string;
  identityName?: string;
  identityId?: string;
  actor?: Readonly<{ type: string; name?: string }>;
}>;

type UsageItem = Readonly<{
  identity: string;
  tool: string;
  effect: string;
  calls: number;
  completed: number;
  failed: number;
}>;

/** What the agents saw, to hold the record against. */
export type Seen = Readonly<{ allowed: number; refused: number }>;

const RECORDED_WITHIN_MS = 10_000;

const readEvents = async (rest: Rest): Promise<readonly Event[]> =>
  (await rest('GET', '/v1/audit/events?limit=1000'))['items'] as readonly Event[];

/** Reads again until `enough`, for at most 10 s; answers what it read last. */
const polled = async <T>(read: () => Promise<T>, enough: (value: T) => boolean): Promise<T> => {
  const deadline = Date.now() + RECORDED_WITHIN_MS;
  for (;;) {
    const value = await read();
    if (enough(value) || Date.now() > deadline) return value;
    await sleep(100);
  }
};

const decidedOf = (events: readonly Event[]): readonly Event[] =>
  events.filter(({ type }) => type === 'toolCall.decided');
const completedOf = (events: readonly Event[]): readonly Event[] =>
  events.filter(({ type }) => type === 'toolCall.completed');

const isPassed = (event: Event): boolean =>
  event.type === 'toolCall.completed' || (event.type === 'toolCall.decided' && event.effect === 'allow');

const passedText = (run: readonly Event[]): string =>
  [
    ['allowed', decidedOf(run).length] as const,
    ['completed ok', completedOf(run).filter(({ status }) => status === 'ok').length] as const,
    ['completed otherwise', completedOf(run).filter(({ status }) => status !== 'ok').length] as const,
  ]
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');

const namesIn = (run: readonly Event[]): string =>
  [...new Set(run.flatMap(({ identityName }) => identityName ?? []))].join(', ');

const printOne = (screen: Screen, event: Event): void => {
  const { seq, type, identityName = '', tool = '', effect, code, rule, actor } = event;
  if (type === 'toolCall.decided')
    screen.row([String(seq), type, identityName, tool, `${effect}: ${code} by ${rule}`], 'red');
  else screen.row([String(seq), type, actor?.name ?? actor?.type ?? '']);
};

const printPassed = (screen: Screen, run: readonly Event[]): void => {
  const numbers = run.length === 1 ? String(run[0]?.seq) : `${run[0]?.seq}–${run.at(-1)?.seq}`;
  screen.row([numbers, 'toolCall.*', namesIn(run), run[0]?.tool ?? '', passedText(run)], 'green');
};

/** One row an event; neighbours that tell of calls that passed share one. */
const printEvents = (screen: Screen, events: readonly Event[]): void => {
  screen.widths([6, 20, 16, 19]);
  screen.row(['seq', 'event', 'who', 'tool', 'decision'], 'dim');
  let run: Event[] = [];
  for (const event of events) {
    if (isPassed(event)) {
      run.push(event);
      continue;
    }
    if (run.length > 0) printPassed(screen, run);
    run = [];
    printOne(screen, event);
  }
  if (run.length > 0) printPassed(screen, run);
};

const onceEach = (values: readonly string[]): boolean => new Set(values).size === values.length;

const checkEvents = (screen: Screen, events: readonly Event[], seen: Seen): void => {
  const decided = decidedOf(events);
  const allowed = decided.filter(({ effect }) => effect === 'allow').map(({ callId }) => callId ?? '');
  const completed = completedOf(events).map(({ callId }) => callId ?? '');
  screen.check(
    `every decision is there once: ${seen.allowed} allowed, ${seen.refused} refused`,
    allowed.length === seen.allowed &&
      decided.length === seen.allowed + seen.refused &&
      onceEach(decided.map(({ callId }) => callId ?? '')),
  );
  screen.check(
    'every allowed call has its outcome, once',
    onceEach(completed) && completed.toSorted().join() === allowed.toSorted().join(),
  );
  screen.check(
    `numbered without a gap, 1 to ${events.length}`,
    events.every(({ seq }, index) => seq === index + 1) && onceEach(events.map(({ id }) => id)),
  );
};

/** Shows the audit log once it holds what happened, and holds it against that. */
export const showAuditLog = async (screen: Screen, rest: Rest, seen: Seen): Promise<readonly Event[]> => {
  const events = await polled(
    () => readEvents(rest),
    (all) => decidedOf(all).length >= seen.allowed + seen.refused && completedOf(all).length >= seen.allowed,
  );
  printEvents(screen, events);
  checkEvents(screen, events, seen);
  return events;
};

const keyOf = (item: Readonly<{ identity: string; tool: string; effect: string }>): string =>
  `${item.identity} ${item.tool} ${item.effect}`;

/** The same counters, computed from the events: key → calls, completed. */
const recount = (events: readonly Event[]): ReadonlyMap<string, string> => {
  const status = new Map(completedOf(events).map((event) => [event.callId, event.status]));
  const counts = new Map<string, readonly [number, number]>();
  for (const { identityId = '', tool = '', effect = '', callId } of decidedOf(events)) {
    const key = keyOf({ identity: identityId, tool, effect });
    const [calls, completed] = counts.get(key) ?? [0, 0];
    counts.set(key, [calls + 1, completed + (['ok', 'tool_error'].includes(status.get(callId) ?? '') ? 1 : 0)]);
  }
  return new Map([...counts].map(([key, [calls, completed]]) => [key, `${calls} ${completed}`]));
};

/** Shows the usage counters and holds them against a recount of the audit log. */
export const showUsage = async (screen: Screen, rest: Rest, events: readonly Event[]): Promise<void> => {
  const wanted = recount(events);
  const agrees = (items: readonly UsageItem[]): boolean =>
    items.length === wanted.size &&
    items.every((item) => wanted.get(keyOf(item)) === `${item.calls} ${item.completed}`);
  const read = async () =>
    (await rest('GET', '/v1/usage?groupBy=identity,tool,effect&interval=day'))['items'] as readonly UsageItem[];
  const items = await polled(read, agrees);
  const names = new Map(decidedOf(events).map((event) => [event.identityId, event.identityName]));
  screen.widths([13, 19, 6, 5, 9]);
  screen.row(['who', 'tool', 'effect', 'calls', 'completed', 'failed'], 'dim');
  for (const item of items)
    screen.row([
      names.get(item.identity) ?? item.identity,
      item.tool,
      item.effect,
      String(item.calls),
      String(item.completed),
      String(item.failed),
    ]);
  screen.check('the counters equal a recount of the audit log', agrees(items));
};

/** Shows the beginning of the export and that it holds the same events. */
export const showExport = async (screen: Screen, rest: Rest, events: readonly Event[]): Promise<void> => {
  const { text } = await rest('GET', '/v1/audit/export?format=ndjson');
  const lines = String(text).trimEnd().split('\n');
  for (const line of lines.slice(0, 3)) screen.line(clipped(line, 150));
  screen.line(`… ${lines.length} lines in all`);
  const exported = lines.map((line) => JSON.parse(line) as Event);
  screen.check(
    'the export holds these same events',
    events.every((event, index) => JSON.stringify(exported[index]) === JSON.stringify(event)),
  );
};
