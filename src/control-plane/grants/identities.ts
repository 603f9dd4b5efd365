import { isDeepStrictEqual } from 'node:util';
import type { ControlEvent, IdentityBody } from '../../record/event-log/events/index.js';
import { notFound, Problem, type ProblemDetail } from '../../platform/runtime/problems.js';
import { pointerTo } from '../../platform/json/pointer.js';

export const IDENTITY_KINDS = ['human', 'agent', 'service'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];
export type Attributes = Readonly<Record<string, unknown>>;

/** A person, agent or job on whose behalf calls are made; policies read `name`, `kind` and `attributes`. */
export type Identity = Readonly<{
  name: string;
  kind: IdentityKind;
  memberId: string | null;
  externalId: string | null;
  attributes: Attributes;
  disabled: boolean;
  deleted: boolean;
  /** RFC 3339 UTC. */
  createdAt: string;
}>;

type IdentityFields = Pick<Identity, 'name' | 'memberId' | 'externalId' | 'attributes'>;

/** What an identity becomes by an event. */
export const evolveIdentity = (state: Identity | undefined, event: ControlEvent & IdentityBody): Identity => {
  if (event.type === 'identity.created') {
    const { name, kind, memberId, externalId, attributes } = event;
    return { name, kind, memberId, externalId, attributes, disabled: false, deleted: false, createdAt: event.time };
  }
  if (!state) throw new Error('an identity that was never created');
  switch (event.type) {
    case 'identity.changed': {
      const {
        name = state.name,
        memberId = state.memberId,
        externalId = state.externalId,
        attributes = state.attributes,
      } = event;
      return { ...state, name, memberId, externalId, attributes };
    }
    case 'identity.disabled':
      return { ...state, disabled: true };
    case 'identity.enabled':
      return { ...state, disabled: false };
    case 'identity.deleted':
      return { ...state, deleted: true };
  }
};

const existing = (state: Identity | undefined): Identity => {
  if (!state || state.deleted) throw notFound('identity');
  return state;
};

/** The first event of an identity. */
export const decideIdentityCreation = (
  identityId: string,
  _state: undefined,
  identity: IdentityFields & Pick<Identity, 'kind'>,
): readonly IdentityBody[] => [{ type: 'identity.created', identityId, ...identity }];

export type IdentityPatch = Readonly<Partial<IdentityFields & { disabled: boolean }>>;

/**
 * The events that bring an identity to what a patch says; none for what it says already.
 * @throws Problem not_found
 */
export const decideIdentityChange = (
  identityId: string,
  state: Identity | undefined,
  patch: IdentityPatch,
): readonly IdentityBody[] => {
  const before = existing(state);
  const changed = Object.fromEntries(
    (['name', 'memberId', 'externalId', 'attributes'] as const)
      .filter((key) => patch[key] !== undefined && !isDeepStrictEqual(patch[key], before[key]))
      .map((key) => [key, patch[key]]),
  ) as Partial<IdentityFields>;
  const events: IdentityBody[] =
    Object.keys(changed).length > 0 ? [{ type: 'identity.changed', identityId, ...changed }] : [];
  if (patch.disabled === true && !before.disabled) events.push({ type: 'identity.disabled', identityId });
  if (patch.disabled === false && before.disabled) events.push({ type: 'identity.enabled', identityId });
  return events;
};

/** @throws Problem not_found, also for one that is deleted already */
export const decideIdentityDeletion = (identityId: string, state: Identity | undefined): readonly IdentityBody[] => {
  existing(state);
  return [{ type: 'identity.deleted', identityId }];
};

const MAX_ATTRIBUTES = 50;
const MAX_ATTRIBUTES_BYTES = 8192;
const isStorable = (text: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(text);

const whatIsWrongWith = (value: unknown): string | undefined => {
  if (typeof value === 'string') return isStorable(value) ? undefined : 'must not hold control characters';
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'must be a number that a double can hold';
  return typeof value === 'boolean' || value === null
    ? undefined
    : 'must be a text, number, boolean or null: attributes are flat';
};

/**
 * Everything that keeps attributes from being stored: they are a flat JSON object of at most 50 keys and 8 KiB (as
 * compact JSON in UTF-8). Pointers lead into the request's body.
 */
export const wrongAttributes = (attributes: Attributes): readonly ProblemDetail[] => {
  const wrong = (pointer: string, message: string): ProblemDetail => ({ pointer, code: 'invalid', message });
  const entries = Object.entries(attributes);
  if (entries.length > MAX_ATTRIBUTES) return [wrong('/attributes', `attributes takes at most ${MAX_ATTRIBUTES} keys`)];
  if (Buffer.byteLength(JSON.stringify(attributes)) > MAX_ATTRIBUTES_BYTES)
    return [wrong('/attributes', `attributes takes at most ${MAX_ATTRIBUTES_BYTES} bytes`)];
  return entries.flatMap(([key, value]) => {
    if (key === '' || !isStorable(key))
      return [wrong('/attributes', 'a key must not be empty or hold control characters')];
    const message = whatIsWrongWith(value);
    return message === undefined ? [] : [wrong(pointerTo('/attributes', key), message)];
  });
};

/** @throws Problem invalid_body with everything that is wrong */
export const checkAttributes = (attributes: Attributes | undefined): void => {
  const errors = attributes ? wrongAttributes(attributes) : [];
  if (errors.length > 0)
    throw new Problem('invalid_body', 'Correct what errors[] names and send the request again.', { errors });
};
