import { Link } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { FILTERS, type LogSearch } from './log-search.js';
import type { LogView } from './tail/log-store.js';
import styles from './log.module.css';

type Props = Readonly<{
  search: LogSearch;
  view: LogView;
  isPaused: boolean;
  onPause: (isPaused: boolean) => void;
  onExport: () => void;
}>;

const LABELS: Readonly<Record<string, string>> = {
  effect: 'effect',
  code: 'code',
  tool: 'tool',
  rule: 'rule',
  identityId: 'identity',
  grantId: 'grant',
  serverId: 'server',
  policyId: 'policy',
  callId: 'call',
};

const STATES = {
  connecting: 'Connecting…',
  live: 'Live',
  retrying: 'Connection lost, trying again…',
  refused: 'Not live: your session may not follow the log',
};

/** The filters as chips that can be taken away, the order, pause and export. */
export function FilterBar({ search, view, isPaused, onPause, onExport }: Props): ReactElement {
  const { open: _open, ...filters } = search;
  const chips = FILTERS.flatMap((filter) =>
    (filters[filter] ?? []).map((value) => ({ filter, value, without: withoutValue(filters, filter, value) })),
  );
  return (
    <div className={styles['bar']}>
      <p role="status" data-state={isPaused ? 'paused' : view.state}>
        {isPaused ? 'Paused' : STATES[view.state]}
      </p>
      <button type="button" aria-pressed={isPaused} onClick={() => onPause(!isPaused)}>
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      <nav aria-label="Order">
        <Link to="/log" search={{ ...filters, order: 'newest' }} aria-current={filters.order !== 'oldest' || undefined}>
          Newest first
        </Link>
        <Link to="/log" search={{ ...filters, order: 'oldest' }} aria-current={filters.order === 'oldest' || undefined}>
          Oldest first
        </Link>
      </nav>
      <nav aria-label="Effects">
        {(['allow', 'deny', 'hold'] as const).map((effect) => (
          <Link key={effect} to="/log" search={{ ...filters, effect: [effect] }} data-effect={effect}>
            {{ allow: 'Allowed', deny: 'Refused', hold: 'Held' }[effect]}
          </Link>
        ))}
      </nav>
      {chips.length > 0 && (
        <ul className={styles['chips']} aria-label="Filters">
          {chips.map(({ filter, value, without }) => (
            <li key={`${filter}${value}`}>
              <Link to="/log" search={without} aria-label={`Remove the filter ${LABELS[filter]} ${value}`}>
                {LABELS[filter]}: {value} ×
              </Link>
            </li>
          ))}
        </ul>
      )}
      <button type="button" onClick={onExport}>
        Export what is shown
      </button>
    </div>
  );
}

function withoutValue(search: LogSearch, filter: (typeof FILTERS)[number], value: string): LogSearch {
  const { [filter]: values = [], ...rest } = search;
  const left = values.filter((one) => one !== value);
  return left.length === 0 ? rest : { ...rest, [filter]: left };
}
