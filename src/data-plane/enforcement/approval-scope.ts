import { META } from '../../mcp/protocol/modern.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import type { GovernedCall } from './call.js';

/**
 * Members of `_meta` that say nothing of what the call does: where its progress is told, its trace (W3C), and what
 * every request of the era without sessions says of its client, which other clients say when they open a session.
 */
const EXCHANGE_META: ReadonlySet<string> = new Set([
  'progressToken',
  'traceparent',
  'tracestate',
  'baggage',
  META.protocolVersion,
  META.clientInfo,
  META.clientCapabilities,
  META.logLevel,
]);

/** What the request names, and its arguments: these are judged, and shown to reviewers, as such. */
const JUDGED: ReadonlySet<string> = new Set(['name', 'arguments', 'uri']);
const CLIENT_ANSWERS = ['inputResponses', 'requestState'] as const;

const without = (members: Json, left: ReadonlySet<string>): Json =>
  Object.fromEntries(Object.entries(members).filter(([key]) => !left.has(key)));

/** Everything in `params` beside what is judged that may change what the call does; undefined when there is nothing. */
const othersIn = (params: Json): Json | undefined => {
  const { _meta: meta, ...others } = without(params, new Set([...JUDGED, ...CLIENT_ANSWERS]));
  const told = isObject(meta) ? without(meta, EXCHANGE_META) : meta;
  const isTold = told !== undefined && !(isObject(told) && Object.keys(told).length === 0);
  const all = isTold ? { ...others, _meta: told } : others;
  return Object.keys(all).length === 0 ? undefined : all;
};

/**
 * What an approval of a call covers. `digested` is one value that no other call has: a call that says nothing but its
 * arguments is digested as those, any other as a list, which is no call's arguments. `argumentsShown` and `othersShown`
 * are what a reviewer sees of it.
 */
export type ApprovalScope = Readonly<{
  digested: unknown;
  argumentsShown: unknown;
  othersShown: Json | undefined;
}>;

/**
 * What an approval of this call covers: the value that is digested, and what a reviewer is shown of arguments and other
 * parameters.
 */
export const approvalScopeOf = ({
  arguments: given = {},
  params = {},
}: Pick<GovernedCall, 'arguments' | 'params'>): ApprovalScope => {
  const { inputResponses, requestState } = params;
  const hasAnswers = inputResponses !== undefined || requestState !== undefined;
  const others = othersIn(params);
  const argumentsShown = hasAnswers ? { arguments: given, inputResponses, requestState } : given;
  if (!hasAnswers && others === undefined) return { digested: given, argumentsShown, othersShown: undefined };
  return {
    digested: [given, inputResponses ?? null, requestState ?? null, others ?? null],
    argumentsShown,
    othersShown: others,
  };
};
