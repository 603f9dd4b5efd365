import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactElement, type UIEvent } from 'react';
import { FilterLink } from './filter-link.js';
import type { LogSearch } from './log-search.js';
import { effectText, outcomeText, verbOf, type LogRecord } from './records.js';
import type { Line, LogView } from './tail/log-store.js';
import styles from './log.module.css';

export const ROW_HEIGHT = 32;
const EXTRA_ROWS = 8;

type Props = Readonly<{
  lines: readonly Line[];
  search: LogSearch;
  view: LogView;
  /** How many lines were added that are not shown. */
  waiting: number;
  onShow: () => void;
  onOpen: (callId: string | undefined) => void;
  onOlder: () => void;
  onScroll: (event: UIEvent<HTMLElement>) => void;
}>;

/** The rows of the log. Only those in sight are in the page; each has the same height. */
export function LogRows({ lines, search, view, waiting, onShow, onOpen, onOlder, onScroll }: Props): ReactElement {
  const place = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const look = (): void => setSight({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(sight.top / ROW_HEIGHT) - EXTRA_ROWS);
  const count = Math.ceil(sight.height / ROW_HEIGHT) + 2 * EXTRA_ROWS;
  const scrolled = (event: UIEvent<HTMLElement>): void => {
    setSight({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight });
    onScroll(event);
  };
  const show = (): void => {
    place.current?.scrollTo({ top: 0 });
    setSight((before) => ({ ...before, top: 0 }));
    onShow();
  };
  return (
    <section className={styles['list']}>
      {waiting > 0 && (
        <button type="button" className={styles['pill']} onClick={show}>
          {waiting.toLocaleString('en')} new
        </button>
      )}
      <div ref={place} className={styles['scroll']} onScroll={scrolled} tabIndex={0} onKeyDown={moveFocus}>
        <div role="table" aria-label="Decisions" aria-rowcount={lines.length} aria-busy={view.status === 'loading'}>
          {/* The height of all rows, so that the scroll bar tells the truth. */}
          <div role="rowgroup" className={styles['rows']} style={{ height: lines.length * ROW_HEIGHT }}>
            {lines.slice(first, first + count).map((line, at) => (
              <LineRow key={line.seq} {...{ line, search, onOpen }} index={first + at} />
            ))}
          </div>
        </div>
        <Ending view={view} isEmpty={lines.length === 0} onOlder={onOlder} />
      </div>
    </section>
  );
}

/** Arrow keys go from row to row. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const by = event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
  if (by === 0 || event.ctrlKey || event.metaKey) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-open]')];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = links[at < 0 ? 0 : at + by];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

type RowProps = Readonly<{
  line: Line;
  index: number;
  search: LogSearch;
  onOpen: (callId: string | undefined) => void;
}>;

function LineRow({ line, index, search, onOpen }: RowProps): ReactElement {
  const style = { transform: `translateY(${index * ROW_HEIGHT}px)` };
  if (line.kind === 'gap') {
    const missed = line.gap.toSeq - line.gap.fromSeq + 1;
    return (
      <div role="row" aria-rowindex={index + 1} className={styles['gap']} style={style}>
        <span role="cell">
          {missed.toLocaleString('en')} records were passed over here (from {line.gap.fromSeq} to {line.gap.toSeq})
        </span>
      </div>
    );
  }
  const { item, outcome } = line;
  const isOpen = search.open !== undefined && search.open === item.callId;
  return (
    <div
      role="row"
      aria-rowindex={index + 1}
      className={styles['row']}
      style={style}
      data-effect={item.effect}
      data-open-row={isOpen || undefined}
      onClick={(event) => {
        if (!(event.target as HTMLElement).closest('a') && item.callId) onOpen(item.callId);
      }}
    >
      <OpenLink item={item} search={search} />
      <Sentence item={item} search={search} />
      <span role="cell" className={styles['ended']}>
        {outcomeText(outcome)}
      </span>
    </div>
  );
}

const clockText = (time: string | undefined): string => (time === undefined ? '' : time.slice(11, 23));

function OpenLink({ item, search }: Readonly<{ item: LogRecord; search: LogSearch }>): ReactElement {
  return (
    <span role="cell" className={styles['time']}>
      <Link to="/log" search={{ ...search, open: item.callId ?? '' }} data-open title={item.time}>
        {clockText(item.time)}
      </Link>
    </span>
  );
}

function Sentence({ item, search }: Readonly<{ item: LogRecord; search: LogSearch }>): ReactElement {
  return (
    <span role="cell" className={styles['sentence']}>
      <FilterLink search={search} filter="identityId" value={item.identityId}>
        {item.identityName ?? item.identityId}
      </FilterLink>{' '}
      {verbOf(item)}{' '}
      <FilterLink search={search} filter="tool" value={item.tool} className={styles['name']}>
        {item.tool ?? '(no name)'}
      </FilterLink>{' '}
      on{' '}
      <FilterLink search={search} filter="serverId" value={item.serverId}>
        {item.serverName ?? item.serverId}
      </FilterLink>
      :{' '}
      <FilterLink search={search} filter="effect" value={item.effect} className={styles['effect']}>
        {effectText(item)}
      </FilterLink>
      {item.effect !== 'allow' && (
        <>
          {', '}
          <FilterLink search={search} filter={item.rule ? 'rule' : 'code'} value={item.rule ?? item.code}>
            {item.reason ?? item.code}
          </FilterLink>
        </>
      )}
    </span>
  );
}

type EndProps = Readonly<{ view: LogView; isEmpty: boolean; onOlder: () => void }>;

function Ending({ view, isEmpty, onOlder }: EndProps): ReactElement | null {
  if (view.status === 'failed') return <p role="alert">{view.fault}</p>;
  if (view.status === 'loading') return <p aria-busy="true">Loading the log…</p>;
  if (isEmpty) return <p className={styles['empty']}>No decisions here yet. The first call shows at once.</p>;
  if (!view.hasOlder) return null;
  return (
    <button type="button" className={styles['older']} onClick={onOlder}>
      Load older decisions
    </button>
  );
}
