import { isId } from '../../platform/crypto/ids.js';
import type { DecisionNumber } from './numbering.js';

/** What of an event stands in columns of its own, for search and projections. Anything but a text is null. */
export type EventColumns = Readonly<{
  organizationId: string;
  id: string;
  type: string;
  /** Milliseconds since the epoch. */
  timeMs: number;
  callId: string | null;
  grantId: string | null;
  identityId: string | null;
  serverId: string | null;
  tool: string | null;
  effect: string | null;
  code: string | null;
  status: string | null;
  /** The effect that a shadow policy would have had, where it is another one. */
  shadow: string | null;
}>;

export type ReadEvent =
  | Readonly<{ ok: true; columns: EventColumns; number: DecisionNumber | undefined }>
  | Readonly<{ ok: false; reason: 'not_json' | 'not_an_event' | 'wrong_time' | 'wrong_key' }>;

const MAX_COLUMN_LENGTH = 200;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const EPOCH_MS = 0;

/**
 * A text as it stands in a column: at most 200 UTF-16 units and without NUL, which PostgreSQL's text can't hold. Names
 * come from callers, so a long one must not break an index and stop the partition. The whole name stays in the event's
 * bytes.
 */
export const columnText = (value: unknown): string | null => {
  if (typeof value !== 'string') return null;
  const text = value.length > MAX_COLUMN_LENGTH ? value.slice(0, MAX_COLUMN_LENGTH) : value;
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
};

/** Whether a text is kept unchanged by `columnText`; what identifies an event must be. */
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && columnText(value) === value;

const instantOf = (text: unknown): number | undefined => {
  const ms = typeof text === 'string' && INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  return ms >= EPOCH_MS ? ms : undefined;
};

const parse = (value: Buffer): unknown => {
  try {
    return JSON.parse(value.toString());
  } catch {
    return undefined;
  }
};

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

/** Where a decision stands in its boot's numbering; other events have no number. */
const numberOf = ({
  type,
  bootId,
  sequence,
  abandoned,
}: Readonly<Record<string, unknown>>): DecisionNumber | undefined => {
  if (type !== 'toolCall.decided' || !isId('boot', bootId) || !isNumber(sequence)) return undefined;
  return { bootId, sequence, abandoned: Array.isArray(abandoned) ? abandoned.filter(isNumber) : [] };
};

/**
 * Reads an event of the log. What has no id, type, organization or RFC 3339 time, or lies under another key than its
 * organization's, is no event: it is refused with a reason and nothing of its content.
 */
export const readEvent = (key: string, value: Buffer): ReadEvent => {
  const event = parse(value);
  if (event === undefined) return { ok: false, reason: 'not_json' };
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return { ok: false, reason: 'not_an_event' };
  const { id, type, organizationId, time, callId, grantId, identityId, serverId, tool, effect, code, status, shadow } =
    event as Readonly<Record<string, unknown>>;
  if (!isName(id) || !isName(type) || !isId('org', organizationId)) return { ok: false, reason: 'not_an_event' };
  const instant = instantOf(time);
  if (instant === undefined) return { ok: false, reason: 'wrong_time' };
  if (key !== organizationId) return { ok: false, reason: 'wrong_key' };
  return {
    ok: true,
    number: numberOf(event as Readonly<Record<string, unknown>>),
    columns: {
      organizationId,
      id,
      type,
      timeMs: instant,
      callId: columnText(callId),
      grantId: columnText(grantId),
      identityId: columnText(identityId),
      serverId: columnText(serverId),
      tool: columnText(tool),
      effect: columnText(effect),
      code: columnText(code),
      status: columnText(status),
      shadow:
        shadow === undefined ? null : columnText((shadow as Readonly<Record<string, unknown>> | null)?.['effect']),
    },
  };
};
