import { makeOutbound, type Outbound } from '../../../src/platform/outbound/outbound.js';
import type { ProblemDetail } from '../../../src/platform/runtime/problems.js';
import { readFields } from '../../../src/record/log-streams/config/config-fields.js';
import { newestMapping, type FormatName } from '../../../src/record/log-streams/formats/format.js';
import { formats } from '../../../src/record/log-streams/formats/formats.js';
import type { Batch, Destination, KindName, OutgoingItem, SendResult } from '../../../src/record/log-streams/kind.js';
import { kinds, type AnyKind } from '../../../src/record/log-streams/kinds/kinds.js';
import { recordOf } from '../../support/outgoing.js';

export const ORGANIZATION = 'org_01h0000000000000000000000a';
export const STREAM = 'lst_01h0000000000000000000000b';

/** A made-up decision; what it says is hostile to those who write lines. */
const decision = (seq: number, more: Readonly<Record<string, unknown>>) => ({
  id: `evt_${String(seq).padStart(26, '0')}`,
  type: 'toolCall.decided',
  version: 1,
  time: new Date(Date.now() - 1000).toISOString(),
  organizationId: ORGANIZATION,
  callId: `call_${String(seq).padStart(26, '0')}`,
  tool: 'echo',
  effect: seq % 2 === 0 ? 'allow' : 'deny',
  reason: `a "quoted" \\ backslash, ] bracket, | pipe, = sign, \n line, 🦊 and ünïcode ${seq}`,
  ...more,
});

/** Items of `count` records from `seq` on, in a format. */
export const itemsFrom = (
  seq: number,
  count: number,
  { format = 'native', more = {} }: Readonly<{ format?: FormatName; more?: Readonly<Record<string, unknown>> }> = {},
): readonly OutgoingItem[] =>
  Array.from({ length: count }, (_, index) => {
    const record = recordOf(decision(seq + index, more), { seq: seq + index });
    const its = formats[format]!;
    return { record, text: its.format(record, newestMapping(its)) };
  });

export const batchOf = (items: readonly OutgoingItem[]): Batch => ({ id: `batch-${items[0]!.record.seq}`, items });

const outboundTo = (allow: readonly string[]): Outbound => makeOutbound({ allow, ownPorts: () => [] });

export type OpenOptions = Readonly<{ format?: FormatName; allow?: readonly string[]; outbound?: Outbound }>;

/** Opens a kind as a stream would, with a config as a request holds it. @throws when the config is refused. */
export const openKind = (name: KindName, config: unknown, options: OpenOptions = {}): Destination => {
  const kind = kinds[name] as unknown as AnyKind & Readonly<{ check?: (config: unknown) => readonly ProblemDetail[] }>;
  const wrong: ProblemDetail[] = [];
  const read = readFields(kind.fields, config, { at: '/config', wrong: (detail) => wrong.push(detail) });
  if (wrong.length === 0) wrong.push(...(kind.check?.(read) ?? []));
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong));
  const format = formats[options.format ?? (name === 'otlp' ? 'otlp' : 'native')]!;
  return kind.open(read as never, {
    outbound: options.outbound ?? outboundTo(options.allow ?? ['127.0.0.0/8']),
    streamId: STREAM,
    organizationId: ORGANIZATION,
    format,
    mappingVersion: newestMapping(format),
    signingSecrets: () => [],
  });
};

/** Opens a kind, sends one batch and closes it. */
export const sendOnce = async (
  name: KindName,
  config: unknown,
  {
    items,
    signal = new AbortController().signal,
    ...options
  }: OpenOptions & Readonly<{ items: readonly OutgoingItem[]; signal?: AbortSignal }>,
): Promise<SendResult> => {
  const destination = openKind(name, config, options);
  try {
    return await destination.send(batchOf(items), signal);
  } finally {
    await destination.close();
  }
};
