import { createHash } from 'node:crypto';
import { canonicalJson } from '../platform/json/canonical-json.js';
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
