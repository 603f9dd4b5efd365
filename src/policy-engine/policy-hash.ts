import { createHash } from 'node:crypto';
import type { PolicyDocument } from './document.js';

/**
 * SHA-256, in hex, of the document with its keys in order: equal for documents that decide equally but for the order of
 * keys.
 */
export function policyHash(document: PolicyDocument): string {
  return digestOf(document);
}

/** SHA-256, in hex, of a JSON value with its keys in order. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
}
