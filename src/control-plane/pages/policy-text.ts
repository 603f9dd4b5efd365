import type { LimitRule, PolicyDocument, ToolEntry } from '../../policy-engine/document.js';
import { code, type Span, type Text } from './document/blocks.js';

const LINE_LENGTH = 64;

const isObjects = (value: readonly unknown[]): boolean =>
  value.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item));

const written = (value: unknown, indent: string): string => {
  const inline = JSON.stringify(value, undefined, 1)?.replaceAll(/\n\s*/g, ' ') ?? 'null';
  if (typeof value !== 'object' || value === null || inline.length + indent.length <= LINE_LENGTH) return inline;
  if (Array.isArray(value) && isObjects(value)) return `[${value.map((item) => written(item, indent)).join(', ')}]`;
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item) => written(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${written(item, inner)}`);
  const [opens, closes] = Array.isArray(value) ? '[]' : '{}';
  return `${opens}\n${items.map((item) => `${inner}${item}`).join(',\n')}\n${indent}${closes}`;
};

/** A policy as JSON text to read and copy: what fits on a line stands on one. */
export const policyText = (document: PolicyDocument): string =>
  document.tools === undefined || Object.keys(document.tools).length === 0
    ? written(document, '')
    : outerWritten(document);

/** The members of a document on lines of their own, however short it is. */
const outerWritten = (document: PolicyDocument): string =>
  `{\n${Object.entries(document)
    .map(([key, value]) => `  ${JSON.stringify(key)}: ${written(value, '  ')}`)
    .join(',\n')}\n}`;

const SCOPES: Readonly<Record<string, string>> = {
  grant: 'for each grant',
  session: 'for each session',
  server: 'for the whole server',
  identity: 'for each identity',
  organization: 'for the whole organization',
};

const windowWords = (window: LimitRule['window']): string =>
  typeof window === 'number' ? `in ${window} seconds` : `a${window === 'hour' ? 'n' : ''} ${window}`;

/** What a limit lets through, as a sentence. */
const limitWords = ({ max, window, scope = 'grant', increment_from: amount }: LimitRule): readonly Span[] => {
  const where = SCOPES[scope] ?? '';
  if (amount === undefined)
    return [
      `At most ${max} calls ${windowWords(window)} pass ${where}. `,
      `Call ${max + 1} is refused, and the agent reads how many seconds to wait.`,
    ];
  return [
    'The amounts in ',
    code(amount.replace(/^args\./, '')),
    ` add up to at most ${max} ${windowWords(window)} ${where}. A call that does not fit is refused.`,
  ];
};

/** What the entry of a tool does, sentence by sentence. */
export const entryWords = (entry: ToolEntry | undefined): readonly Text[] => {
  if (entry === undefined) return ['No policy can name this tool, so the default refuses every call of it.'];
  const limits = (entry.limits ?? []).map(limitWords);
  if (entry.action === 'deny')
    return [`Every call is refused. The agent reads: ${entry.reason ?? 'denied by policy'}.`];
  if (entry.action === 'require_approval')
    return [
      'Every call is held until a person has read its arguments and approved it. An approval is for that call alone.',
      ...limits,
    ];
  return limits.length > 0 ? limits : ['Every call passes, and is on record.'];
};

/** The entry of a tool in a policy for it alone. */
export const entryOf = (document: PolicyDocument, tool: string): ToolEntry | undefined =>
  Object.entries(document.tools ?? {}).find(([name]) => name === tool)?.[1];
