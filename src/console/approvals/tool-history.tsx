import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { timeText } from '../policies/words.js';
import type { Approval } from './requests.js';
import styles from './approvals.module.css';

const DAYS = 30;
const SHOWN = 10;

const fetchCalls = async (serverId: string, tool: string): Promise<Readonly<Record<string, number>>> => {
  const from = new Date(Date.now() - DAYS * 86_400_000).toISOString();
  const { items } = dataOf(
    await api.GET('/v1/usage', { params: { query: { groupBy: 'server,tool,effect', interval: 'day', from } } }),
  );
  const calls: Record<string, number> = {};
  for (const item of items)
    if (item.server === serverId && item.tool === tool)
      calls[item.effect ?? ''] = (calls[item.effect ?? ''] ?? 0) + item.calls;
  return calls;
};

/** What became of calls of the same tool: how often it ran and was refused, and who decided the last requests. */
export function ToolHistory({
  before,
  approval,
}: Readonly<{ before: readonly Approval[]; approval: Approval }>): ReactElement {
  const { serverId, tool } = approval;
  const calls = useQuery({ queryKey: ['tool-calls', serverId, tool], queryFn: () => fetchCalls(serverId, tool) });
  const { allow = 0, deny = 0, hold = 0 } = calls.data ?? {};
  return (
    <>
      <h3>History of this tool</h3>
      {calls.data && (
        <p>
          In the last {DAYS} days: allowed {allow}, refused {deny}, held {hold}.
        </p>
      )}
      {before.length === 0 ? (
        <p>Nobody asked for it before.</p>
      ) : (
        <ul className={styles['history']}>
          {before.slice(0, SHOWN).map(({ id, identityName, requestedAt, status, decisions }) => (
            <li key={id}>
              {timeText(requestedAt)}: {identityName}, {status}
              {decisions.map(({ memberId, by, comment }) => (
                <span key={memberId}>
                  {' '}
                  by {by.name ?? by.type}
                  {comment !== null && `: ${comment}`}
                </span>
              ))}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
