import { setImmediate as turn } from 'node:timers/promises';
import {
  readDecisions,
  type DecisionRange,
  type RecordedFact,
  type RecordedPage,
} from '../../../record/audit/decisions.js';
import type { ToolCallDecided } from '../../../record/event-log/events/index.js';
import type { Look } from '../../../platform/postgres/database.js';
import { compilePolicy } from '../../../policy-engine/compile.js';
import type { PolicyDocument } from '../../../policy-engine/document.js';
import { Replay } from '../../../policy-engine/replay/replay.js';
import { Outcomes } from './outcomes.js';
import { History } from './history.js';
import { toDecision, recordedEffect } from './recorded.js';
import { Findings, type Report } from './report.js';

/** `grants`: whose calls are judged; undefined for all of the server. */
export type Simulated = DecisionRange & Readonly<{ document: PolicyDocument; grants: ReadonlySet<string> | undefined }>;

/** How many records of the range are judged, or, at the end, what came of it. */
export type Step = Readonly<{ progress: Readonly<{ done: number; total: number }> }> | Readonly<{ report: Report }>;

/** Other requests of this process get their turn after as many records. */
const RECORDS_PER_TURN = 100;

/**
 * Runs a document over the recorded calls of a server, in their order: a step for each page, and at last what enforcing
 * it would have decided, as far as the record tells. Changes nothing. Ends early when the caller stops asking. Memory
 * is bounded by two pages and by the counters in use.
 */
export async function* simulate(look: Look, simulated: Simulated): AsyncGenerator<Step> {
  const run = new Run(look, simulated);
  let held: RecordedPage | undefined;
  for await (const page of readDecisions(look, simulated)) {
    run.outcomes.note(page.facts);
    if (held) yield await run.judge(held);
    held = page;
  }
  if (held) yield await run.judge(held);
  yield { report: run.findings.report() };
}

class Run {
  readonly findings = new Findings();
  readonly outcomes = new Outcomes();
  readonly #history: History;
  readonly #replay: Replay;
  readonly #grants: ReadonlySet<string> | undefined;

  constructor(look: Look, { organizationId, document, grants }: Simulated) {
    this.#history = new History(look, organizationId);
    this.#replay = new Replay(compilePolicy(document));
    this.#grants = grants;
  }

  async judge({ facts, done, total }: RecordedPage): Promise<Step> {
    const meant = facts.filter((one) => this.#isMeant(one));
    await this.#history.prepare(meant.flatMap((one) => (one.kind === 'decided' ? [one.event] : [])));
    for (const [index, one] of meant.entries()) {
      if (index % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) await turn();
      if (one.kind === 'notSent') this.outcomes.pass(one);
      else if (one.kind === 'suppressed') this.findings.notRecorded(one.refusals);
      else this.#judgeCall(one.event);
    }
    return { progress: { done, total } };
  }

  #judgeCall(event: ToolCallDecided): void {
    const { id, grantId } = event;
    const decision = toDecision(event, this.#history, this.outcomes.isDoubtful(event.callId) ? 'perhaps' : 'surely');
    if (decision === undefined) return this.findings.setAside();
    for (const callId of this.outcomes.givenBackAt(decision.facts.now.getTime())) this.#replay.givenBack(callId);
    this.findings.add(
      { id, tool: decision.facts.tool, grantId, was: recordedEffect(event) },
      this.#replay.judge(decision),
    );
  }

  #isMeant(one: RecordedFact): boolean {
    if (this.#grants === undefined || one.kind === 'notSent') return true;
    const grantId = one.kind === 'decided' ? one.event.grantId : one.grantId;
    return grantId !== null && this.#grants.has(grantId);
  }
}
