import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EventStore } from '../../record/event-store/event-store.js';
import { findGovernedGrant, type GovernedGrant } from './limits.query.js';
import type { Tx } from '../../platform/postgres/database.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { findServer } from '../policies/policies.store.js';
import type { PolicyDocument } from '../../policy-engine/document.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { acceptAdvice, type AcceptResult } from './accept.js';
import { measureLimits, type MeasuredLimit } from './measure-limits.js';
import { allowedByName, tighten, type Tightening } from './tighten.js';
import { countCalls, MAX_TOOLS, readToolUse, recordBegins, type ToolUse, type UseRange } from './use.query.js';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;
/** About half a minute of counting. */
const MAX_CALLS = 2_000_000;

export type RangeInput = Readonly<{ from?: string; to?: string }>;

/**
 * What the record says about a grant's policy, and a tighter document if there is one. `hash` stands for exactly this
 * advice.
 */
export type Advice = Readonly<{
  grantId: string;
  identityName: string;
  serverName: string;
  policyId: string | null;
  policyName: string | null;
  policyVersion: number | null;
  from: Date;
  to: Date;
  calls: number;
  tools: readonly ToolUse[];
  neverUsed: readonly Readonly<{ tool: string; rule: string }>[];
  limits: readonly MeasuredLimit[];
  changes: readonly Tightening[];
  document: PolicyDocument | null;
  hash: string | null;
}>;

const badRange = (message: string): Problem =>
  new Problem('invalid_body', message, { errors: [{ pointer: '/from', code: 'invalid', message }] });

const rangeOf = ({ from, to }: RangeInput, now: Date): Readonly<{ from: Date; to: Date }> => {
  const end = to === undefined ? now : new Date(Math.min(Date.parse(to), now.getTime()));
  const begin = from === undefined ? new Date(end.getTime() - DEFAULT_DAYS * DAY_MS) : new Date(from);
  const wrong =
    begin >= end
      ? 'from must be before to, and in the past'
      : end.getTime() - begin.getTime() > MAX_DAYS * DAY_MS
        ? `the range must be ${MAX_DAYS} days or less`
        : undefined;
  if (wrong) throw badRange(wrong);
  return { from: begin, to: end };
};

/** An advice that changes nothing. */
const adviceOf = (
  { id: grantId, identityName, serverName, policy }: GovernedGrant,
  { from, to }: UseRange,
  calls: number,
  tools: readonly ToolUse[],
): Advice => ({
  grantId,
  identityName,
  serverName,
  policyId: policy?.id ?? null,
  policyName: policy?.name ?? null,
  policyVersion: policy?.version ?? null,
  from,
  to,
  calls,
  tools,
  neverUsed: [],
  limits: [],
  changes: [],
  document: null,
  hash: null,
});

const hashOf = (of: object): string => createHash('sha256').update(JSON.stringify(of)).digest('hex');
const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** Advice on the policies of grants, from the audit record. */
@Injectable()
export class AdviceService {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** Changes nothing. @throws Problem not_found, invalid_body (the range) */
  advise(principal: Principal, grantId: string, asked: RangeInput, signal?: AbortSignal): Promise<Advice> {
    const { organizationId } = principal;
    const range = rangeOf(asked, new Date());
    return this.#store.search(
      principal,
      signal,
    )(async (tx) => {
      const grant = await findGovernedGrant(tx, organizationId, grantId);
      if (!grant) throw notFound('grant');
      const begins = await recordBegins(tx, organizationId);
      const from = begins !== undefined && begins > range.from && begins < range.to ? begins : range.from;
      return this.#from(tx, grant, { organizationId, grantId, from, to: range.to });
    });
  }

  /**
   * Publishes the document of an advice for its grant. @throws Problem conflict when there is none, precondition_failed
   * when the advice is not this one any more
   */
  async accept(
    principal: Principal,
    grantId: string,
    matches: (hash: string) => boolean,
    asked: RangeInput,
  ): Promise<AcceptResult> {
    const { policyId, policyVersion, document, hash } = await this.advise(principal, grantId, asked);
    if (policyId === null || policyVersion === null || document === null || hash === null)
      throw new Problem('conflict', 'There is no tighter document to accept.');
    if (!matches(hash))
      throw new Problem(
        'precondition_failed',
        'Read the advice again, with from and to: the policy or the record is not what it was.',
      );
    return this.#store.change(principal, (change) =>
      acceptAdvice(change, { grantId, policyId, policyVersion, document }),
    );
  }

  async #from(tx: Tx, grant: GovernedGrant, range: UseRange): Promise<Advice> {
    const { from, to } = range;
    const { id: grantId, serverId, policy } = grant;
    const calls = await countCalls(tx, range);
    if (calls > MAX_CALLS) throw badRange(`the range holds more than ${MAX_CALLS} calls: narrow from and to`);
    const tools = await readToolUse(tx, range);
    const nothing = adviceOf(grant, range, calls, tools);
    if (!policy) return nothing;
    const used = new Set(tools.map(({ tool }) => tool));
    const discovered = ((await findServer(tx, range.organizationId, serverId))?.tools ?? []).map(({ name }) => name);
    const unused = allowedByName(
      policy.document,
      discovered.filter((name) => !used.has(name)),
    );
    const neverUsed = [...unused].flatMap(([rule, names]) => names.map((tool) => ({ tool, rule })));
    const usedBy = allowedByName(policy.document, used);
    if (usedBy.size === 0 || tools.length > MAX_TOOLS) return { ...nothing, neverUsed };
    const limits = await measureLimits(tx, range, policy.document, usedBy);
    const lowered = new Map(
      limits.flatMap(({ rule, proposedMax }) => (proposedMax === null ? [] : [[rule, proposedMax] as const])),
    );
    const { document, changes } = tighten(
      policy.document,
      { used, discovered, lowered },
      `Not used from ${dayOf(from)} to ${dayOf(to)}`,
    );
    if (changes.length === 0) return { ...nothing, neverUsed, limits };
    return {
      ...nothing,
      neverUsed,
      limits,
      changes,
      document,
      hash: hashOf({ grantId, policyId: policy.id, policyVersion: policy.version, from, to, document }),
    };
  }
}
