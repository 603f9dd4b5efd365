import { setImmediate as turn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { EventStore } from '../../../record/event-store/event-store.js';
import { Problem } from '../../../platform/runtime/problems.js';
import { compilePolicy } from '../../../policy-engine/compile.js';
import type { CompiledSchema } from '../../../policy-engine/decide.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';
import { compileInputSchema } from '../../../policy-engine/input-schema.js';
import type { PolicyError } from '../../../policy-engine/parse.js';
import { isStorableText } from '../../../platform/json/storable.js';
import type { Principal } from '../../../platform/rest/allowed.js';
import { accepted } from '../check-document.js';
import { Policies } from '../policies.service.js';
import { findInputSchemas } from '../policies.store.js';
import { Coverage, type CoverageReport } from './coverage.js';
import { readCases, type CaseSent } from './read-cases.js';
import { runCase, type CaseResult, type Setting } from './run-case.js';

export type SentTests = Readonly<{ document?: unknown; policyId?: string; serverId?: string; cases: unknown }>;

export type TestReport = Readonly<{
  passed: number;
  failed: number;
  results: readonly CaseResult[];
  coverage: CoverageReport;
  warnings: readonly PolicyError[];
}>;

type Subject = Readonly<{ document: PolicyDocument; serverId: string | undefined; warnings: readonly PolicyError[] }>;

/** Other requests get their turn after this long; more work than this in all is refused. */
const SLICE_MS = 10;
const MOST_MS = 5000;
const MOST_RUNNING = 2;
const AGAIN_SECONDS = 5;

const oneOfTwo = (): Problem => {
  const message = 'send either document, with serverId if it is known, or policyId';
  return new Problem('invalid_body', 'Say what to test.', {
    errors: [{ pointer: '/document', code: 'invalid', message }],
  });
};

/** Runs every case, a slice at a time. @throws Problem too_large when that takes more than five seconds of work */
const runAll = async (setting: Setting, cases: readonly CaseSent[]): Promise<readonly CaseResult[]> => {
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
      if (worked > MOST_MS) throw new Problem('too_large', 'These cases take too much work: send fewer at once.');
      await turn();
      began = performance.now();
    }
  }
  return results;
};

/** Policies as code: a document against a file of cases. Nothing of it is recorded or counted. */
@Injectable()
export class CaseTests {
  readonly #store: EventStore;
  readonly #policies: Policies;
  #running = 0;

  constructor(@Inject(EventStore) store: EventStore, @Inject(Policies) policies: Policies) {
    this.#store = store;
    this.#policies = policies;
  }

  /**
   * @throws Problem invalid_body, policy_invalid, unsupported_key, not_found (policy, server), too_large,
   * too_many_requests
   */
  async run(principal: Principal, sent: SentTests): Promise<TestReport> {
    const cases = readCases(sent.cases);
    const { document, serverId, warnings } = await this.#subject(principal, sent);
    if (this.#running >= MOST_RUNNING)
      throw new Problem('too_many_requests', 'Other tests are running; try again shortly.', {
        retryAfterSeconds: AGAIN_SECONDS,
      });
    this.#running += 1;
    try {
      const policy = compilePolicy(document);
      const coverage = new Coverage(policy);
      const schemaOf =
        document.check_arguments && serverId !== undefined
          ? await this.#schemas(principal, serverId, cases)
          : () => undefined;
      const setting: Setting = {
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

  async #subject(principal: Principal, { document: given, policyId, serverId }: SentTests): Promise<Subject> {
    if ((given === undefined) === (policyId === undefined) || (policyId !== undefined && serverId !== undefined))
      throw oneOfTwo();
    if (policyId !== undefined) {
      const { document, serverId: of, warnings } = await this.#policies.get(principal, policyId);
      return { document: document as PolicyDocument, serverId: of, warnings };
    }
    const checked = await this.#policies.check(principal, given, serverId);
    return { document: accepted(checked), serverId, warnings: checked.warnings };
  }

  /** The schemas of the tools that cases name. */
  async #schemas(
    { organizationId }: Principal,
    serverId: string,
    cases: readonly CaseSent[],
  ): Promise<Setting['schemaOf']> {
    const names = [
      ...new Set(cases.flatMap(({ tool, before = [] }) => [tool, ...before.map((call) => call.tool)])),
    ].filter(isStorableText);
    const found = await this.#store.read(organizationId, (tx) => findInputSchemas(tx, organizationId, serverId, names));
    const compiled = new Map<string, CompiledSchema | undefined>();
    for (const [tool, schema] of found) compiled.set(tool, await compileInputSchema(schema));
    return (tool) => compiled.get(tool);
  }
}
