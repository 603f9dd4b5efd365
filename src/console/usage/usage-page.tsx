import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useMemo, type ReactElement, type ReactNode } from 'react';
import type { LogSearch } from '../log/log-search.js';
import { durationText } from '../log/records.js';
import { RANGES, type Range } from './range.js';
import {
  fetchDenials,
  fetchLatency,
  fetchSeries,
  fetchTotals,
  type Latency,
  type Series,
  type Total,
} from './usage-data.js';
import { Page } from '../ui/page.js';
import plain from '../ui/plain.module.css';
import styles from './usage.module.css';

const Chart = lazy(async () => ({ default: (await import('./chart.js')).Chart }));

const LABELS: Readonly<Record<Range, string>> = { '24h': 'Last 24 hours', '7d': 'Last 7 days', '30d': 'Last 30 days' };
const EFFECTS = { allow: 'Allowed', deny: 'Refused', hold: 'Held' } as const;

const COLORS = { allow: '--low', deny: '--critical', hold: '--held' } as const;

type Props = Readonly<{ range: Range; onRange: (range: Range) => void }>;

/** How much was called: by time, effect, tool and grant; what was refused by which rule; how long it took. */
export function UsagePage({ range, onRange }: Props): ReactElement {
  return (
    <Page title="Usage">
      <div className={`${styles['page']} ${plain['plain']}`}>
        <div className={styles['ranges']} role="group" aria-label="Range">
          {RANGES.map((one) => (
            <button key={one} type="button" aria-pressed={one === range} onClick={() => onRange(one)}>
              {LABELS[one]}
            </button>
          ))}
        </div>
        <ByTime range={range} />
        <div className={styles['grid']}>
          <Totals range={range} by="tool" title="Calls by tool" filter="tool" />
          <Totals range={range} by="grant" title="Calls by grant" filter="grantId" />
          <Totals range={range} by="effect" title="Calls by effect" filter="effect" />
          <Denials range={range} />
        </div>
        <LatencyPart range={range} />
      </div>
    </Page>
  );
}

type PartProps = Readonly<{
  title: string;
  query: Readonly<{ error: Error | null; isPending: boolean }>;
  children: ReactNode;
}>;

function Part({ title, query, children }: PartProps): ReactElement {
  return (
    <section className={styles['part']} aria-label={title} aria-busy={query.isPending}>
      <h2>{title}</h2>
      {query.error ? <p role="alert">{query.error.message}</p> : query.isPending ? <p>Loading…</p> : children}
    </section>
  );
}

function ByTime({ range }: Readonly<{ range: Range }>): ReactElement {
  const query = useQuery({ queryKey: ['usage', range, 'time'], queryFn: () => fetchSeries(range) });
  const lines = useMemo(
    () =>
      Object.entries(EFFECTS).map(([effect, label]) => ({
        label,
        values: query.data?.effects[effect as keyof typeof EFFECTS] ?? [],
        color: COLORS[effect as keyof typeof EFFECTS],
      })),
    [query.data],
  );
  return (
    <Part title="Calls by time" query={query}>
      {query.data && (
        <div className={styles['beside']}>
          <Suspense fallback={<div className={styles['chart']} />}>
            <Chart label="Calls by time, one line an effect" xs={query.data.times} lines={lines} isTime />
          </Suspense>
          <SeriesTable series={query.data} range={range} />
        </div>
      )}
    </Part>
  );
}

function SeriesTable({ series, range }: Readonly<{ series: Series; range: Range }>): ReactElement {
  const format = (time: number): string =>
    new Date(time * 1000)
      .toISOString()
      .slice(0, range === '24h' ? 16 : 10)
      .replace('T', ' ');
  return (
    <div className={styles['scroll']} tabIndex={0} role="region" aria-label="Calls by time, numbers">
      <table>
        <thead>
          <tr>
            <th scope="col">From (UTC)</th>
            {Object.values(EFFECTS).map((label) => (
              <th key={label} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series.times
            .map((time, at) => (
              <tr key={time}>
                <th scope="row">{format(time)}</th>
                {Object.keys(EFFECTS).map((effect) => (
                  <td key={effect}>{(series.effects[effect as keyof typeof EFFECTS][at] ?? 0).toLocaleString('en')}</td>
                ))}
              </tr>
            ))
            .toReversed()}
        </tbody>
      </table>
    </div>
  );
}

type Filter = 'tool' | 'grantId' | 'effect' | 'rule';

type TotalsProps = Readonly<{ range: Range; by: 'tool' | 'grant' | 'effect'; title: string; filter: Filter }>;

function Totals({ range, by, title, filter }: TotalsProps): ReactElement {
  const query = useQuery({ queryKey: ['usage', range, by], queryFn: () => fetchTotals(range, by) });
  return (
    <Part title={title} query={query}>
      <TotalsTable totals={query.data ?? []} filter={filter} title={title} hasOutcomes />
    </Part>
  );
}

function Denials({ range }: Readonly<{ range: Range }>): ReactElement {
  const query = useQuery({ queryKey: ['usage', range, 'denials'], queryFn: () => fetchDenials(range) });
  return (
    <Part title="Refusals by rule" query={query}>
      <p className={styles['aside']}>Of the last 1,000 refusals in this range.</p>
      <TotalsTable totals={query.data ?? []} filter="rule" title="Refusals by rule" hasOutcomes={false} />
    </Part>
  );
}

const SHOWN = 20;

type TableProps = Readonly<{ totals: readonly Total[]; filter: Filter; title: string; hasOutcomes: boolean }>;

const searchOf = (filter: Filter, key: string): LogSearch =>
  filter === 'rule' && !key.startsWith('/') ? { code: [key] } : { [filter]: [key] };

function TotalsTable({ totals, filter, title, hasOutcomes }: TableProps): ReactElement {
  if (totals.length === 0) return <p>None in this range.</p>;
  const most = totals[0]?.calls ?? 1;
  return (
    <div className={styles['scroll']} tabIndex={0} role="region" aria-label={`${title}, numbers`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Calls</th>
            {hasOutcomes && <th scope="col">Completed</th>}
            {hasOutcomes && <th scope="col">Failed</th>}
          </tr>
        </thead>
        <tbody>
          {totals.slice(0, SHOWN).map(({ key, name, calls, completed, failed }) => (
            <tr key={key}>
              <th scope="row">
                <Link to="/log" search={searchOf(filter, key)}>
                  {name}
                </Link>
                <span className={styles['bar']} style={{ width: `${(100 * calls) / most}%` }} />
              </th>
              <td>{calls.toLocaleString('en')}</td>
              {hasOutcomes && <td>{completed.toLocaleString('en')}</td>}
              {hasOutcomes && <td>{failed.toLocaleString('en')}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {totals.length > SHOWN && <p>and {totals.length - SHOWN} more</p>}
    </div>
  );
}

function LatencyPart({ range }: Readonly<{ range: Range }>): ReactElement {
  const query = useQuery({ queryKey: ['usage', range, 'latency'], queryFn: () => fetchLatency(range) });
  return (
    <Part title="How long calls took" query={query}>
      {query.data &&
        (query.data.count === 0 ? <p>No call ended in this range.</p> : <Latencies latency={query.data} />)}
    </Part>
  );
}

function Latencies({ latency }: Readonly<{ latency: Latency }>): ReactElement {
  const { xs, lines } = useMemo(
    () => ({
      xs: latency.quantiles.map(({ share }) => share * 100),
      lines: [{ label: 'At most', values: latency.quantiles.map(({ ms }) => ms), color: '--accent' }],
    }),
    [latency],
  );
  return (
    <div className={styles['beside']}>
      <Suspense fallback={<div className={styles['chart']} />}>
        <Chart label="How long calls took, by share of calls" xs={xs} lines={lines} isTime={false} unit=" ms" />
      </Suspense>
      <div className={styles['scroll']} tabIndex={0} role="region" aria-label="How long calls took, numbers">
        <table>
          <thead>
            <tr>
              <th scope="col">Share of the last {latency.count.toLocaleString('en')} calls</th>
              <th scope="col">took at most</th>
            </tr>
          </thead>
          <tbody>
            {latency.quantiles.map(({ share, ms }) => (
              <tr key={share}>
                <th scope="row">{share * 100} %</th>
                <td>{durationText(ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
