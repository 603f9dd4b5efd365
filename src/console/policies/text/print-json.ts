import { isJsonObject, type Json } from './json-tree.js';

/** How new text is laid out: `unit` is one step of indentation, `''` keeps everything on one line. */
export type Layout = Readonly<{ unit: string; newline: string }>;

/** Longer values are broken into lines. */
const MAX_WIDTH = 100;

/**
 * The text of a value as a person would write it: on one line where that fits, else a line for each member. `indent` is
 * the indentation of the line that it begins on.
 */
export function printJson(value: Json, layout: Layout, indent = ''): string {
  const short = onOneLine(value);
  if (layout.unit === '' || indent.length + short.length <= MAX_WIDTH || typeof value !== 'object' || value === null)
    return short;
  const inner = indent + layout.unit;
  const [open, close, parts] = isJsonObject(value)
    ? ['{', '}', Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${printJson(one, layout, inner)}`)]
    : ['[', ']', value.map((one) => printJson(one, layout, inner))];
  const { newline } = layout;
  return `${open}${newline}${parts.map((part) => inner + part).join(`,${newline}`)}${newline}${indent}${close}`;
}

function onOneLine(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${onOneLine(one)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}
