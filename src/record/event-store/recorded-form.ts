import { createHash } from 'node:crypto';
import { MAX_EVENT_BYTES } from '../event-log/record-size.js';
import type { ControlEvent } from '../event-log/events/index.js';

type Members = Readonly<Record<string, unknown>>;

/** What is in a record instead of a long value: the hash of its text, its length, and where the value is. */
export type Reference = Readonly<{ sha256: string; bytes: number; items?: number; url: string }>;

/** A longer member of an event, or of its `before` and `after`, is replaced, whatever the whole event takes. */
const MAX_MEMBER_BYTES = 4000;

const ENVELOPE = new Set(['id', 'type', 'version', 'time', 'organizationId', 'actor', 'sourceIp']);

/** Where the event store shows a whole event. */
export const fullEventUrl = (id: string): string => `/v1/audit/events/${id}`;

/** The reference to a text that is at a URL. */
export const referenceTo = (text: string, url: string): Reference => ({
  sha256: createHash('sha256').update(text).digest('hex'),
  bytes: Buffer.byteLength(text),
  url,
});

const isReference = (value: unknown): boolean => typeof value === 'object' && value !== null && 'sha256' in value;

/** The reference to a member of an event; the text is its JSON as the event store shows it. */
const replaced = (value: unknown, url: string, text = JSON.stringify(value)): Reference => ({
  ...referenceTo(text, url),
  ...(Array.isArray(value) && { items: value.length }),
});

const shortened = (members: Members, url: string): Members =>
  Object.fromEntries(
    Object.entries(members).map(([name, value]) => {
      const text = ENVELOPE.has(name) || value === undefined ? '' : JSON.stringify(value);
      return [name, Buffer.byteLength(text) > MAX_MEMBER_BYTES ? replaced(value, url, text) : value];
    }),
  );

/** A document of a policy is never in a record: its version shows it, byte for byte. */
const withoutDocument = (event: ControlEvent): Members => {
  if (event.type !== 'policy.published') return event;
  const { document, source, ...rest } = event;
  const url = `/v1/policies/${event.policyId}/versions/${event.policyVersion}`;
  return { ...rest, document: referenceTo(source ?? JSON.stringify(document, null, 2), url) };
};

const withShortChanges = (event: Members, url: string): Members =>
  Object.fromEntries(
    Object.entries(event).map(([name, value]) => [
      name,
      name === 'before' || name === 'after' ? shortened(value as Members, url) : value,
    ]),
  );

/** Replaces the longest members until the event is short enough, which its envelope always is. */
const fitted = (event: Members, url: string): Members => {
  let current = event;
  while (Buffer.byteLength(JSON.stringify(current)) > MAX_EVENT_BYTES) {
    const [longest] = Object.entries(current)
      .filter(([name, value]) => value !== undefined && !ENVELOPE.has(name) && !isReference(value))
      .toSorted(([, one], [, other]) => JSON.stringify(other).length - JSON.stringify(one).length);
    if (!longest) return current;
    current = { ...current, [longest[0]]: replaced(longest[1], url) };
  }
  return current;
};

/**
 * The form in which a control event is recorded: whole, but for documents and for what is long. Each of these is
 * replaced by a SHA-256, its length in bytes and where to fetch it: the event store keeps every event whole. What is
 * recorded of the same event is always the same. Members keep their order.
 */
export const recordedForm = (event: ControlEvent): ControlEvent => {
  const url = fullEventUrl(event.id);
  const short = shortened(withShortChanges(withoutDocument(event), url), url);
  return fitted(short, url) as unknown as ControlEvent;
};
