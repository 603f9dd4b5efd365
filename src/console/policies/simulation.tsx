import { useMutation } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { simulate, type Simulation } from './requests.js';
import { numberText } from './text/sentences.js';
import type { Draft } from './use-draft.js';
import styles from './builder.module.css';

const FLIPS: Readonly<Record<string, string>> = { allow: 'allowed', deny: 'refused', hold: 'held' };

/** What the draft would have changed about the calls of the last seven days. */
export function LastWeek({ draft }: Readonly<{ draft: Draft }>): ReactElement {
  const run = useMutation({
    mutationFn: async () => {
      if (!draft.read.ok || draft.base === undefined) throw new Error('Save the policy once, then it has a past.');
      return simulate(draft.base.id, { ...draft.read.model.value });
    },
  });
  return (
    <div className={styles['panel']}>
      <p>Runs this text over the recorded calls of the last seven days. Nothing is called.</p>
      <button type="button" disabled={run.isPending || draft.base === undefined} onClick={() => run.mutate()}>
        Simulate last week
      </button>
      <p role="status">
        {draft.base === undefined ? 'A policy that was never saved has no calls to look at.' : run.error?.message}
      </p>
      {run.data && <Found simulation={run.data} />}
    </div>
  );
}

function Found({ simulation }: Readonly<{ simulation: Simulation }>): ReactElement {
  const { calls, flipped, unjudged, byTool, byRule } = simulation;
  const plural = (count: number): string => `${numberText(count)} ${count === 1 ? 'call' : 'calls'}`;
  return (
    <>
      <p>
        <strong>{plural(flipped)}</strong> of {numberText(calls)} would have come out otherwise
        {unjudged > 0 && `; ${plural(unjudged)} depend on argument values, which are not kept`}.
      </p>
      {byTool.length > 0 && (
        <table className={styles['table']}>
          <caption>Calls that change, by tool</caption>
          <thead>
            <tr>
              <th scope="col">Tool</th>
              <th scope="col">Was</th>
              <th scope="col">Would be</th>
              <th scope="col">Calls</th>
            </tr>
          </thead>
          <tbody>
            {byTool.map(({ tool, from, to, calls: count }) => (
              <tr key={`${tool}${from}${to}`}>
                <th scope="row">{tool ?? 'others'}</th>
                <td>{FLIPS[from]}</td>
                <td>{FLIPS[to]}</td>
                <td>{numberText(count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {byRule.length > 0 && (
        <ul>
          {byRule.map(({ rule, code, calls: count, certain }) => (
            <li key={`${rule}${code}`}>
              <code>{rule ?? code}</code> {plural(count)}
              {!certain && ' (a rule before it may have refused already)'}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
