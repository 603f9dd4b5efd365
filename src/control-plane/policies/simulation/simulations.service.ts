import { Injectable } from '@nestjs/common';
import { EventStore } from '../../../record/event-store/event-store.js';
import type { Look } from '../../../platform/postgres/database.js';
import { Problem } from '../../../platform/runtime/problems.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { requireValidDocument } from '../check-document.js';
import { PoliciesService } from '../policies.service.js';
import { findGrantNames, findGrantsWithPolicy } from '../policies.store.js';
import type { SimulatePolicy, SimulationView } from './simulations.dto.js';
import type { Report } from './report.js';
import { simulate, type Simulated, type Step } from './simulate.js';

/** Progress, and at the end the simulation. */
export type SimulationStep = Exclude<Step, { report: Report }> | Readonly<{ simulation: SimulationView }>;

type SimulationRun = Readonly<{
  simulated: Simulated;
  about: Pick<SimulationView, 'policyId' | 'policyName' | 'version' | 'serverName'>;
  look: Look;
}>;

/**
 * A simulation reads as fast as it can: of one organization more at a time would leave other organizations little of
 * the database and this process.
 */
const MAX_CONCURRENT_PER_ORGANIZATION = 2;
const RETRY_AFTER_SECONDS = 10;

const DEFAULT_RANGE_MS = 7 * 86_400_000;

const rangeOf = ({ from, to }: SimulatePolicy, now: Date): Readonly<{ from: Date; to: Date }> => {
  const end = to === undefined ? now : new Date(to);
  const range = { from: from === undefined ? new Date(end.getTime() - DEFAULT_RANGE_MS) : new Date(from), to: end };
  if (range.from < range.to) return range;
  throw new Problem('invalid_body', 'Name a range of time.', {
    errors: [{ pointer: '/to', code: 'invalid', message: 'to must be later than from' }],
  });
};

/** A report with the names of its grants beside their ids. */
const withNames = async (
  look: Look,
  organizationId: string,
  report: Report,
): Promise<Omit<Report, 'byGrant'> & Pick<SimulationView, 'byGrant'>> => {
  const ids = [...new Set(report.byGrant.flatMap(({ grantId }) => grantId ?? []))];
  const names = ids.length === 0 ? undefined : await look((tx) => findGrantNames(tx, organizationId, ids));
  const unnamed = { identityName: null, grantLabel: null };
  return {
    ...report,
    byGrant: report.byGrant.map((one) => ({ ...one, ...(names?.get(one.grantId ?? '') ?? unnamed) })),
  };
};

/** Policies tried on what was recorded. */
@Injectable()
export class SimulationsService {
  readonly #store: EventStore;
  readonly #policies: PoliciesService;
  readonly #runningOf = new Map<string, number>();

  constructor(store: EventStore, policies: PoliciesService) {
    this.#store = store;
    this.#policies = policies;
  }

  /**
   * Runs a document, or the policy's newest version, over the recorded decisions of the grants that have the policy.
   * Nothing is read before the first step is asked for, and who stops asking ends it. @throws Problem not_found,
   * invalid_body (range), policy_invalid, unsupported_key; too_many_requests with the first step
   */
  async begin(
    principal: Principal,
    policyId: string,
    sent: SimulatePolicy,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<SimulationStep>> {
    const { organizationId } = principal;
    const policy = await this.#policies.get(principal, policyId);
    const document = sent.document === undefined ? policy.document : requireValidDocument(sent.document);
    const range = rangeOf(sent, new Date());
    const under = await this.#store.read(organizationId, (tx) => findGrantsWithPolicy(tx, organizationId, policyId));
    const simulated = {
      organizationId,
      serverId: policy.serverId,
      ...range,
      document: document as PolicyDocument,
      grants: under.length === 0 ? undefined : new Set(under),
    };
    return this.#steps({
      simulated,
      about: {
        policyId,
        policyName: policy.name,
        version: sent.document === undefined ? policy.version : null,
        serverName: policy.serverName,
      },
      look: this.#store.search(principal, signal),
    });
  }

  async *#steps({ simulated, about, look }: SimulationRun): AsyncGenerator<SimulationStep> {
    const { organizationId } = simulated;
    const running = this.#runningOf.get(organizationId) ?? 0;
    if (running >= MAX_CONCURRENT_PER_ORGANIZATION)
      throw new Problem('too_many_requests', 'Other simulations are running; try again shortly.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    this.#runningOf.set(organizationId, running + 1);
    try {
      const { serverId, from, to, grants } = simulated;
      const view = {
        ...about,
        serverId,
        from: from.toISOString(),
        to: to.toISOString(),
        grants: grants?.size ?? null,
      };
      for await (const step of simulate(look, simulated))
        yield 'report' in step
          ? { simulation: { ...view, ...(await withNames(look, organizationId, step.report)) } }
          : step;
    } finally {
      const left = (this.#runningOf.get(organizationId) ?? 1) - 1;
      if (left > 0) this.#runningOf.set(organizationId, left);
      else this.#runningOf.delete(organizationId);
    }
  }
}
