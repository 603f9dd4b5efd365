import type { ControlEvent, PolicyBody, PolicyPins } from '../../record/event-log/events/index.js';
import { sourceOf } from './source.js';
import { notFound } from '../../platform/runtime/problems.js';

export type Document = Readonly<Record<string, unknown>>;

/** What a policy's events add up to: its newest version. */
export type PolicyState = Readonly<{
  serverId: string;
  name: string;
  policyVersion: number;
  document: Document;
  /** The document as JSON text: byte for byte as it was sent, where it was sent as text. */
  source: string;
  createdAt: string;
  updatedAt: string;
  deleted: boolean;
}> &
  PolicyPins;

/** Applies one event of a policy. A policy begins with its first `policy.published`. */
export const evolvePolicy = (state: PolicyState | undefined, event: ControlEvent & PolicyBody): PolicyState => {
  switch (event.type) {
    case 'policy.published': {
      // Releases before tools were pinned published without pins.
      const { serverId, name, policyVersion, document, source, time, pins = {}, acceptances = 0 } = event;
      return {
        serverId,
        name,
        policyVersion,
        document,
        source: source ?? sourceOf(document),
        pins,
        acceptances,
        createdAt: state?.createdAt ?? time,
        updatedAt: time,
        deleted: false,
      };
    }
    case 'policy.deleted':
      if (state === undefined) throw new Error('a policy begins with policy.published');
      return { ...state, deleted: true };
  }
};

/** The state of a policy that is there. @throws Problem `not_found` for one that never was or is deleted. */
export const existing = (state: PolicyState | undefined): PolicyState => {
  if (state === undefined || state.deleted) throw notFound('policy');
  return state;
};

/** The first version of a policy. */
export const decidePolicyCreation = (
  policyId: string,
  _state: undefined,
  first: PolicyPins & Readonly<{ serverId: string; name: string; document: Document; source?: string | undefined }>,
): readonly PolicyBody[] => {
  const { source, ...rest } = first;
  return [
    { type: 'policy.published', policyId, ...rest, policyVersion: 1, ...(source === undefined ? {} : { source }) },
  ];
};

type NewDocument = PolicyPins & Readonly<{ document: Document; source?: string | undefined }>;

/**
 * The next version of a policy, whole; also when nothing differs, as somebody published it. Without a document the
 * policy is renamed: document, text and pins stay. @throws Problem not_found
 */
export const decidePolicyChange = (
  policyId: string,
  state: PolicyState | undefined,
  next: Readonly<{ name?: string | undefined }> & (NewDocument | Readonly<{ document?: undefined }>),
): readonly PolicyBody[] => {
  const before = existing(state);
  const { document, source, pins, acceptances }: NewDocument = next.document === undefined ? before : next;
  return [
    {
      type: 'policy.published',
      policyId,
      serverId: before.serverId,
      name: next.name ?? before.name,
      policyVersion: before.policyVersion + 1,
      document,
      ...(source === undefined ? {} : { source }),
      pins,
      acceptances,
    },
  ];
};

/** The end of a policy. @throws Problem not_found, also for one that is deleted already */
export const decidePolicyDeletion = (policyId: string, state: PolicyState | undefined): readonly PolicyBody[] => [
  { type: 'policy.deleted', policyId, serverId: existing(state).serverId },
];
