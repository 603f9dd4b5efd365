import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { EventStore } from '../../../record/event-store/event-store.js';
import { Problem } from '../../../platform/runtime/problems.js';
import { compilePolicy } from '../../../policy-engine/compile.js';
import type { CompiledSchema } from '../../../policy-engine/decide.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';
import { compileInputSchema } from '../../../policy-engine/input-schema.js';
import type { PolicyError } from '../../../policy-engine/parse.js';
import { isStorableText } from '../../../platform/json/storable.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { requireValid } from '../check-document.js';
import { PoliciesService } from '../policies.service.js';
import { findInputSchemas } from '../policies.store.js';
import type { TestPolicy, TestReportView } from './case-tests.dto.js';
import { Coverage } from './coverage.js';
import { readCases, type CaseInput } from './read-cases.js';
import { runCase, type CaseResult, type CaseContext } from './run-case.js';

type TestedPolicy = Readonly<{
  document: PolicyDocument;
  serverId: string | undefined;
  warnings: readonly PolicyError[];
}>;

/** Other requests get their turn after this long; more work than this in all is refused. */
const SLICE_MS = 10;
const MAX_WORK_MS = 5000;
const MAX_CONCURRENT_RUNS = 2;
const RETRY_AFTER_SECONDS = 5;

const documentOrPolicyId = (): Problem => {
  const message = 'send either document, with serverId if it is known, or policyId';
  return new Problem('invalid_body', 'Say what to test.', {
    errors: [{ pointer: '/document', code: 'invalid', message }],
  });
};

/** Runs every case, a slice at a time. @throws Problem too_large when that takes more than five seconds of work */
const runAll = async (setting: CaseContext, cases: readonly CaseInput[]): Promise<readonly CaseResult[]> => {
  const results: CaseResult[] = [];
  let [worked, began] = [0, performance.now()];
  for (const one of cases) {
    const running = runCase(setting, one);
    for (let step = running.next(); ; step = running.next()) {
      if (step.done) {
        results.push(step.value);
        break;
      }
      const slice = performance.now() - began;
      if (slice < SLICE_MS) continue;
      worked += slice;
      if (worked > MAX_WORK_MS) throw new Problem('too_large', 'These cases take too much work: send fewer at once.');
      await turn();
      began = performance.now();
    }
  }
  return results;
};

/** Policies as code: a document against a file of cases. Nothing of it is recorded or counted. */
@Injectable()
export class CaseTestsService {
  readonly #store: EventStore;
  readonly #policies: PoliciesService;
  #running = 0;

  constructor(store: EventStore, policies: PoliciesService) {
    this.#store = store;
    this.#policies = policies;
  }

  /**
   * @throws Problem invalid_body, policy_invalid, unsupported_key, not_found (policy, server), too_large,
   * too_many_requests
   */
  async run(principal: Principal, sent: TestPolicy): Promise<TestReportView> {
    const cases = readCases(sent.cases);
    const { document, serverId, warnings } = await this.#subject(principal, sent);
    if (this.#running >= MAX_CONCURRENT_RUNS)
      throw new Problem('too_many_requests', 'Other tests are running; try again shortly.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    this.#running += 1;
    try {
      const policy = compilePolicy(document);
      const coverage = new Coverage(policy);
      const schemaOf =
        document.check_arguments && serverId !== undefined
          ? await this.#schemas(principal, serverId, cases)
          : () => undefined;
      const setting: CaseContext = {
        policy,
        coverage,
        organizationId: principal.organizationId,
        serverId: serverId ?? '',
        now: new Date(),
        schemaOf,
      };
      const results = await runAll(setting, cases);
      const passed = results.filter((result) => result.passed).length;
      return { passed, failed: results.length - passed, results, coverage: coverage.report(), warnings };
    } finally {
      this.#running -= 1;
    }
  }

  async #subject(principal: Principal, { document: given, policyId, serverId }: TestPolicy): Promise<TestedPolicy> {
    if ((given === undefined) === (policyId === undefined) || (policyId !== undefined && serverId !== undefined))
      throw documentOrPolicyId();
    if (policyId !== undefined) {
      const { document, serverId: of, warnings } = await this.#policies.get(principal, policyId);
      return { document: document as PolicyDocument, serverId: of, warnings };
    }
    const checked = await this.#policies.check(principal, given, serverId);
    return { document: requireValid(checked), serverId, warnings: checked.warnings };
  }

  /** The schemas of the tools that cases name. */
  async #schemas(
    { organizationId }: Principal,
    serverId: string,
    cases: readonly CaseInput[],
  ): Promise<CaseContext['schemaOf']> {
    const names = [
      ...new Set(cases.flatMap(({ tool, before = [] }) => [tool, ...before.map((call) => call.tool)])),
    ].filter(isStorableText);
    const found = await this.#store.read(organizationId, (tx) => findInputSchemas(tx, organizationId, serverId, names));
    const compiled = new Map<string, CompiledSchema | undefined>();
    for (const [tool, schema] of found) compiled.set(tool, await compileInputSchema(schema));
    return (tool) => compiled.get(tool);
  }
}
