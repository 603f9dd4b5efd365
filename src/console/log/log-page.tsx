import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactElement, type UIEvent } from 'react';
import { DecisionPanel } from './decision-panel.js';
import { exportLines } from './export-lines.js';
import { FilterBar } from './filter-bar.js';
import { LogRows, ROW_HEIGHT } from './log-rows.js';
import { eventsQuery, type LogSearch } from './log-search.js';
import { LogStore, type LogView } from './tail/log-store.js';
import { Page } from '../ui/page.js';
import plain from '../ui/plain.module.css';
import styles from './log.module.css';

type Props = Readonly<{ search: LogSearch; onSearch: (search: LogSearch) => void }>;

type Held = Readonly<{ store: LogStore; view: LogView; isPaused: boolean }>;

/** The list as it is now, to be shown until it goes on. */
const holding = (store: LogStore, isPaused: boolean): Held => ({ store, view: store.view(), isPaused });

const NEAR_END_PX = 20 * ROW_HEIGHT;

/** The store of one search; another search begins anew. */
function useLogStore(search: LogSearch): LogStore {
  const { open: _open, order: _order, ...filters } = search;
  const key = JSON.stringify(filters);
  const store = useMemo(() => new LogStore(eventsQuery(filters), filters.to), [key]);
  useEffect(() => {
    store.start();
    return () => store.end();
  }, [store]);
  return store;
}

/**
 * Decisions as they happen. New rows move the list only while its reader is at its top and nothing is open; else they
 * are counted, and a button shows them.
 */
export function LogPage({ search, onSearch }: Props): ReactElement {
  const store = useLogStore(search);
  const live = useSyncExternalStore(store.subscribe, store.view);
  const [held, setHeld] = useState<Held>();
  const kept = held?.store === store ? held : undefined;
  const shown = kept === undefined ? live : { ...live, lines: kept.view.lines, added: kept.view.added };
  const hold = (isPaused: boolean): void => setHeld(holding(store, isPaused));
  const isOldest = search.order === 'oldest';
  const lines = useMemo(
    () => (isOldest ? [...shown.older.toReversed(), ...shown.lines] : [...shown.lines.toReversed(), ...shown.older]),
    [isOldest, shown.lines, shown.older],
  );
  const top = useRef(0);
  // While a decision is open the list stands still; then it goes on, unless its reader is further down or paused it.
  useEffect(() => {
    if (search.open !== undefined) setHeld((before) => (before?.store === store ? before : holding(store, false)));
    else if (top.current === 0) setHeld((before) => (before?.isPaused ? before : undefined));
  }, [search.open, store]);
  const onScroll = ({ currentTarget }: UIEvent<HTMLElement>): void => {
    const { scrollTop, scrollHeight, clientHeight } = currentTarget;
    top.current = scrollTop;
    if (scrollTop > 0 && kept === undefined) hold(false);
    else if (scrollTop === 0 && kept !== undefined && !kept.isPaused && search.open === undefined) setHeld(undefined);
    if (!isOldest && scrollHeight - scrollTop - clientHeight < NEAR_END_PX) store.loadOlder();
  };
  const open = (callId: string | undefined): void => {
    const { open: _open, ...rest } = search;
    onSearch(callId === undefined ? rest : { ...rest, open: callId });
  };
  return (
    <Page title="Log">
      <div className={`${styles['page']} ${plain['plain']}`}>
        <FilterBar
          search={search}
          view={live}
          isPaused={kept?.isPaused ?? false}
          onPause={(isPaused) => (isPaused ? hold(true) : setHeld(undefined))}
          onExport={() => exportLines(lines)}
        />
        <div className={styles['columns']}>
          <LogRows
            {...{ lines, search, onScroll }}
            waiting={live.added - shown.added}
            onShow={() => setHeld(undefined)}
            onOpen={open}
            view={live}
            onOlder={() => store.loadOlder()}
          />
          {search.open !== undefined && <DecisionPanel callId={search.open} onClose={() => open(undefined)} />}
        </div>
      </div>
    </Page>
  );
}
