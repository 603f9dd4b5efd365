import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { runCases, type TestReport } from './requests.js';
import { readJson } from './text/json-tree.js';
import type { TryCase } from './try-call.js';
import type { Draft } from './use-draft.js';
import styles from './builder.module.css';

const MAX_CASES = 1000;

const keyOf = (policyId: string): string => `toolgate.cases.${policyId}`;

/** The test cases of a policy, kept in this browser. */
export function useCases(policyId: string): readonly [readonly TryCase[], (cases: readonly TryCase[]) => void] {
  const [cases, setCases] = useState<readonly TryCase[]>(() => {
    try {
      const kept = readJson(localStorage.getItem(keyOf(policyId)) ?? '[]');
      return kept.ok && Array.isArray(kept.value) ? (kept.value as unknown as readonly TryCase[]) : [];
    } catch {
      return [];
    }
  });
  const keep = (next: readonly TryCase[]): void => {
    setCases(next);
    try {
      localStorage.setItem(keyOf(policyId), JSON.stringify(next));
    } catch {
      // A browser that keeps nothing still runs the cases of this visit.
    }
  };
  return [cases, keep];
}

type Props = Readonly<{
  draft: Draft;
  serverId: string;
  cases: readonly TryCase[];
  onCases: (cases: readonly TryCase[]) => void;
}>;

/** The test cases: calls with the effect that they must come to. */
export function Cases({ draft, serverId, cases, onCases }: Props): ReactElement {
  const run = useMutation({
    mutationFn: async () => {
      if (!draft.read.ok) throw new Error('Correct the JSON first.');
      return runCases(
        serverId,
        { ...draft.read.model.value },
        cases.slice(0, MAX_CASES).map((one) => ({ ...one })),
      );
    },
  });
  if (cases.length === 0)
    return (
      <p className={styles['panel']}>No cases yet. Try a call and keep it: what it came to is what it must come to.</p>
    );
  return (
    <div className={styles['panel']}>
      <button type="button" disabled={run.isPending} onClick={() => run.mutate()}>
        Run {cases.length} {cases.length === 1 ? 'case' : 'cases'}
      </button>
      <p role="status">
        {run.error?.message}
        {run.data && `${run.data.passed} passed, ${run.data.failed} failed.`}
      </p>
      <ul className={styles['cases']}>
        {cases.map((one, at) => (
          <li key={`${at}${one.name}`}>
            <span>
              {one.name} must be <strong>{one.expect.effect}</strong> <Result report={run.data} at={at} />
            </span>
            <button
              type="button"
              className={styles['quiet']}
              onClick={() => onCases(cases.filter((_, index) => index !== at))}
            >
              Remove
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Result({ report, at }: Readonly<{ report: TestReport | undefined; at: number }>): ReactElement | null {
  const result = report?.results[at];
  if (result === undefined) return null;
  return (
    <em data-outcome={result.passed ? 'allow' : 'deny'}>
      {result.passed ? 'passed' : `failed: ${result.effect} by ${result.rule ?? result.code}`}
    </em>
  );
}
