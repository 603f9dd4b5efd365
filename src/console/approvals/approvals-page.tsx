import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactElement } from 'react';
import { ApprovalPanel } from './approval-panel.js';
import { isTyping } from './keys.js';
import { STATUSES, type ApprovalsSearch, type Status } from './approvals-search.js';
import { fetchApprovals, type Approval } from './requests.js';
import { useNow, untilText } from './time.js';
import { Page } from '../ui/page.js';
import plain from '../ui/plain.module.css';
import styles from './approvals.module.css';

type Props = Readonly<{
  search: ApprovalsSearch;
  onSearch: (search: ApprovalsSearch) => void;
  mayDecide: boolean;
}>;

const POLL_INTERVAL_MS = 2000;

const LABELS: Readonly<Record<Status, string>> = {
  pending: 'Waiting',
  approved: 'Approved, not yet used',
  used: 'Used',
  rejected: 'Rejected',
  expired: 'Expired',
  void: 'Void',
};

/** Calls that wait for a person, and those that people decided. J and K move, A approves, R rejects. */
export function ApprovalsPage({ search, onSearch, mayDecide }: Props): ReactElement {
  const status = search.status ?? 'pending';
  const approvals = useQuery({
    queryKey: ['approvals', status],
    queryFn: () => fetchApprovals(status),
    refetchInterval: POLL_INTERVAL_MS,
  });
  const items = approvals.data ?? [];
  const open = search.open ?? items[0]?.id;
  const select = (id: string | undefined): void => onSearch({ ...search, ...(id !== undefined && { open: id }) });
  useMoves(items, open, select);
  return (
    <Page title="Approvals" lead="Calls that a policy holds until people approve exactly this call.">
      <div className={`${styles['page']} ${plain['plain']}`}>
        <nav aria-label="Status" className={styles['tabs']}>
          {STATUSES.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === status}
              onClick={() => onSearch(one === 'pending' ? {} : { status: one })}
            >
              {LABELS[one]}
            </button>
          ))}
        </nav>
        {approvals.error && <p role="alert">{approvals.error.message}</p>}
        {approvals.isPending && <p aria-busy="true">Loading the approvals…</p>}
        {approvals.data && items.length === 0 && search.open === undefined && (
          <p>
            {status === 'pending' ? 'No call waits for a person.' : `No approvals are ${LABELS[status].toLowerCase()}.`}
          </p>
        )}
        <div className={styles['columns']}>
          <List items={items} open={open} onOpen={select} />
          {open !== undefined && (
            <ApprovalPanel key={open} id={open} mayDecide={mayDecide} onDecided={() => select(open)} />
          )}
        </div>
        <p className={styles['keys']}>
          <kbd>J</kbd> <kbd>K</kbd> next and previous, <kbd>A</kbd> approve, <kbd>R</kbd> reject
        </p>
      </div>
    </Page>
  );
}

type ListProps = Readonly<{
  items: readonly Approval[];
  open: string | undefined;
  onOpen: (id: string) => void;
}>;

function List({ items, open, onOpen }: ListProps): ReactElement {
  const now = useNow();
  return (
    <ul className={styles['list']} aria-label="Approvals">
      {items.map((item) => (
        <li key={item.id}>
          <button
            type="button"
            aria-current={item.id === open || undefined}
            onClick={() => onOpen(item.id)}
            data-urgent={Date.parse(item.expiresAt) - now < 60_000 || undefined}
          >
            <strong>{item.tool}</strong>
            <span>
              {item.identityName} on {item.serverName}
            </span>
            <span>{item.status === 'pending' ? untilText(item.expiresAt, now) : item.status}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** J and K open the next and the previous approval. */
function useMoves(items: readonly Approval[], open: string | undefined, select: (id: string) => void): void {
  const [latest] = useState({ items, open, select });
  Object.assign(latest, { items, open, select });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const by = event.key === 'j' ? 1 : event.key === 'k' ? -1 : 0;
      if (by === 0 || isTyping(event)) return;
      const at = latest.items.findIndex(({ id }) => id === latest.open);
      const next = latest.items[Math.min(latest.items.length - 1, Math.max(0, at + by))];
      if (next !== undefined) latest.select(next.id);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [latest]);
}
