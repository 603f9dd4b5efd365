import { readStrictJson } from '../../platform/json/strict-json.js';
import { Problem } from '../../platform/runtime/problems.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** A document as it was sent: as JSON text, or as a value. */
export type SentDocument = Readonly<{ document?: unknown; source?: string }>;

/** The document that was sent, and its text: the very text where it was sent as one. */
export type ReadDocument = Readonly<{ document: unknown; source: string }>;

/** The text of a document that was not sent as one: its keys keep their order. */
export const sourceOf = (document: unknown): string => JSON.stringify(document, null, 2) ?? '';

const wrongSource = (message: string): Problem =>
  new Problem('policy_invalid', 'Correct the source and send it again.', {
    errors: [{ pointer: '', code: 'not_json', message }],
  });

const exactlyOne = (): Problem => {
  const message = 'send either document, a JSON object, or source, its text';
  return new Problem('invalid_body', 'Send the policy document once.', {
    errors: [{ pointer: '/document', code: 'exactly_one', message }],
  });
};

/** Whether a document was sent at all. */
export const hasDocument = ({ document, source }: SentDocument): boolean =>
  document !== undefined || source !== undefined;

/**
 * Reads a document that was sent in either form. @throws Problem invalid_body when it was sent in both forms or none,
 * policy_invalid for a text that is no JSON, or JSON that parsers read in different ways
 */
export const readSentDocument = ({ document, source }: SentDocument): ReadDocument => {
  if ((document === undefined) === (source === undefined)) throw exactlyOne();
  if (source === undefined) return { document, source: sourceOf(document) };
  const read = readStrictJson(Buffer.from(source), 'doubles', 'plain');
  if (!read.ok) throw wrongSource(`the source cannot be read: ${read.reason}`);
  return { document: read.value, source };
};

/** The document of a source that was accepted before. */
export const documentOf = (source: string, document: JsonObject): JsonObject => {
  const read = readStrictJson(Buffer.from(source), 'doubles', 'plain');
  return read.ok ? (read.value as JsonObject) : document;
};
