import { isDeepStrictEqual } from 'node:util';
import { decisionCases, type DecisionCase } from './decisions.js';

/**
 * Facts of a case that only the engine's own test can set: they are not sent with a call, but the machine's clock, what
 * discovery found, or what people approved.
 */
const ENGINE_ONLY = ['now', 'inputSchema', 'approved'] as const;

/** Whether JSON can say a value. */
const isJson = (value: unknown): boolean => isDeepStrictEqual(JSON.parse(JSON.stringify(value) ?? 'null'), value);

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether the arguments are what MCP takes as such, and the identity's attributes are flat, as ours are. */
const canBeSent = ({ arguments: given, identity, tool }: DecisionCase['facts']): boolean =>
  tool.length <= 256 &&
  (given === undefined || (isObject(given) && isJson(given))) &&
  !Object.values(identity?.attributes ?? {}).some((value) => typeof value === 'object');

const hasNone = ({ facts }: DecisionCase, names: readonly string[]): boolean => names.every((name) => !(name in facts));

/**
 * Cases that can be asked of `POST /v1/policies/{id}/decide`, which knows neither the caller's address nor its client.
 */
export const askedCases = decisionCases.filter(
  (one) => hasNone(one, [...ENGINE_ONLY, 'sourceIp', 'clientName']) && canBeSent(one.facts),
);

/** Whether some key leads to a prototype, which no call may have. */
const hasProtoKey = (given: unknown): boolean => JSON.stringify(given)?.includes('"__proto__":') === true;

/**
 * Cases that can be made as calls: every call comes from some address. Those that are held wait for people, and have
 * tests of their own.
 */
export const calledCases = decisionCases.filter(
  (one) =>
    hasNone(one, ENGINE_ONLY) &&
    canBeSent(one.facts) &&
    one.expected.effect !== 'hold' &&
    !hasProtoKey(one.facts.arguments) &&
    !('sourceIp' in one.facts && one.facts.sourceIp === undefined),
);
