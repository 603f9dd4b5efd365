import { LookAlikes, misreadName } from '../../platform/runtime/look-alikes.js';
import { compilePolicy } from '../../policy-engine/compile.js';
import {
  decideWithTrace,
  type CompiledSchema,
  type Decision,
  type Facts,
  type TraceStep,
} from '../../policy-engine/decide.js';
import { reasonWhyDisabled, type Switches } from '../../policy-engine/disabled.js';
import { isChanged, type Pins } from '../../policy-engine/pins.js';
import type { PolicyDocument, Scope, Window } from '../../policy-engine/document.js';
import type { IdentityFacts, ServerFacts } from './policies.store.js';

/** A limit that a call would be counted in. */
export type CountedLimit = Readonly<{
  rule: string;
  counter: string;
  window: Window;
  scope: Scope;
  amount: number;
  max: number;
}>;

/** What a policy says about a call that nobody made. */
export type DecisionResult = Pick<Decision, 'effect' | 'code' | 'rule' | 'reason' | 'would'> &
  Readonly<{ limits: readonly CountedLimit[]; trace: readonly TraceStep[] }>;

export type HypotheticalCall = Readonly<{
  document: PolicyDocument;
  pins: Pins;
  organizationId: string;
  serverId: string;
  tool: string;
  arguments?: unknown;
  /** The tool's own schema for its arguments, as discovered; wanted when the document checks arguments. */
  inputSchema?: CompiledSchema | undefined;
  identity?: IdentityFacts;
  server: ServerFacts;
  now: Date;
}>;

const ANONYMOUS: IdentityFacts = { id: '', name: '', kind: 'agent', attributes: {}, disabled: false };

const switchesOf = (server: ServerFacts, identity: IdentityFacts): Switches => ({
  organization: { disabled: server.organizationDisabled },
  server: { disabled: server.disabled, disabledTools: new Set(server.disabledTools) },
  identity,
});

const refused = (code: 'malformed' | 'disabled', reason: string): DecisionResult => ({
  effect: 'deny',
  code,
  rule: null,
  reason,
  limits: [],
  trace: [],
});

const own = <T>(from: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(from, name) ? from[name] : undefined;

const definitionOf = ({ hashes, accepted }: ServerFacts, name: string): Pick<Facts, 'definition'> => {
  const definitionHash = own(hashes, name);
  return definitionHash === undefined
    ? {}
    : { definition: { isChangedFrom: (pins) => isChanged(pins, { name, definitionHash }, own(accepted, name)) } };
};

/** Decides a call as the gateway would, limits taken as unused. Changes nothing, counts nothing. */
export const decideHypothetically = (call: HypotheticalCall): DecisionResult => {
  const identity = call.identity ?? ANONYMOUS;
  const misread = Object.hasOwn(call.server.hashes, call.tool)
    ? undefined
    : misreadName(new LookAlikes(Object.keys(call.server.hashes)), call.tool);
  if (misread !== undefined) return refused('malformed', misread);
  const disabled = reasonWhyDisabled(switchesOf(call.server, identity), call.tool);
  if (disabled !== undefined) return refused('disabled', disabled);
  const { tool, organizationId, serverId, now, server, inputSchema } = call;
  const facts = {
    tool,
    ...definitionOf(server, tool),
    arguments: call.arguments,
    inputSchema,
    identity,
    organizationId,
    grantId: '',
    serverId,
    now,
  };
  const { decision, trace } = decideWithTrace(compilePolicy(call.document), facts, call.pins);
  const { effect, code, rule, reason, would, reservations } = decision;
  const limits = reservations.map(({ pointer, counter, window, scope, amount, max }) => ({
    rule: pointer,
    counter,
    window,
    scope,
    amount,
    max,
  }));
  return { effect, code, rule, reason, ...(would ? { would } : {}), limits, trace };
};
