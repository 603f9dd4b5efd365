import type { Kind, KindName } from '../kind.js';
import { http } from './http.js';
import { webhook } from './webhook.js';

/** A kind whose config is read by its own fields. */
export type AnyKind = Kind<never>;

/** Every kind that this release sends to. */
export const kinds: Readonly<Partial<Record<KindName, AnyKind>>> = {
  webhook: webhook as unknown as AnyKind,
  http: http as unknown as AnyKind,
};
