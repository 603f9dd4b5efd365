import type { ControlEvent, PolicyBody, PolicyPins } from '../../record/event-log/events/index.js';
import { notFound } from '../../platform/runtime/problems.js';

export type Document = Readonly<Record<string, unknown>>;

/** What a policy's events add up to: its newest version. */
export type PolicyState = Readonly<{
  serverId: string;
  name: string;
  policyVersion: number;
  document: Document;
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
      const { serverId, name, policyVersion, document, time, pins = {}, acceptances = 0 } = event;
      return {
        serverId,
        name,
        policyVersion,
        document,
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
export const present = (state: PolicyState | undefined): PolicyState => {
  if (state === undefined || state.deleted) throw notFound('policy');
  return state;
};

/** The first version of a policy. */
export const createPolicy = (
  policyId: string,
  first: PolicyPins & Readonly<{ serverId: string; name: string; document: Document }>,
): readonly PolicyBody[] => [{ type: 'policy.published', policyId, ...first, policyVersion: 1 }];

/** The next version of a policy, whole; also when nothing differs, as somebody published it. */
export const publishPolicy = (
  policyId: string,
  state: PolicyState,
  next: PolicyPins & Readonly<{ name?: string; document: Document }>,
): readonly PolicyBody[] => [
  {
    type: 'policy.published',
    policyId,
    serverId: state.serverId,
    name: next.name ?? state.name,
    policyVersion: state.policyVersion + 1,
    document: next.document,
    pins: next.pins,
    acceptances: next.acceptances,
  },
];
