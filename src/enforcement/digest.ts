import { createHmac } from 'node:crypto';
import { clip } from '../platform/clip.js';

const MAX_KEYS = 100;
const MAX_KEY_LENGTH = 64;

const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical((value as Record<string, unknown>)[key])}`);
  return `{${members.join(',')}}`;
};

/** The sorted top-level names of a call's arguments: at most 100, 64 characters each. Values are never recorded. */
export const argumentKeys = (args: unknown): readonly string[] =>
  typeof args === 'object' && args !== null
    ? Object.keys(args)
        .map((key) => clip(key, MAX_KEY_LENGTH))
        .toSorted()
        .slice(0, MAX_KEYS)
    : [];

/**
 * HMAC-SHA-256, in hex, over the arguments with their keys in order: equal for calls with equal arguments, and keyed per organization so that
 * nobody without the key can guess values by trying. Null when the call has no arguments.
 */
export const argumentsDigest = (key: Buffer, args: unknown): string | null => (args === undefined ? null : createHmac('sha256', key).update(canonical(args)).digest('hex'));
