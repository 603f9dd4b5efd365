import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { readBytes } from '../../platform/rest/json-body.js';
import { Problem } from '../../platform/runtime/problems.js';

const MAX_FORM_BYTES = 32 * 1024;
const FORM_TYPE = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i;

/** The form of a page of ours. @throws Problem invalid_body, too_large; bad_origin for one of another site */
export const readOwnForm = async (request: Request, publicUrl: string): Promise<URLSearchParams> => {
  const { origin, 'content-type': type } = request.headers;
  if (origin !== undefined && origin !== new URL(publicUrl).origin)
    throw new Problem('bad_origin', 'Send this form from the page that it is on.');
  if (!FORM_TYPE.test(type ?? '')) throw new Problem('invalid_body', 'Send the form of this page.');
  return new URLSearchParams((await readBytes(request, MAX_FORM_BYTES)).toString('utf8'));
};

/** What only our own page for this session and this authorization holds. */
export const csrfToken = (key: Buffer, uid: string, sessionId: string): string =>
  createHmac('sha256', key).update(`${uid}|${sessionId}`).digest('base64url');

/** Compares in constant time. */
export const isSameText = (left: string, right: string): boolean => {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
};

/** Where a member goes on after signing in: within the authorization, nowhere else. */
export const safeNext = (next: string | null): string | undefined =>
  next !== null && next.length <= 16_384 && /^\/oauth\/(authorize\?|consent\/[\w-]{1,64}$)[^\s\\]*$/.test(next)
    ? next
    : undefined;
