import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactElement, ReactNode } from 'react';
import { Refusal, messageOf } from '../api/problem.js';
import { roleNames, shellText } from '../text/shell.js';
import type { Role } from '../api/session.js';
import { Button } from './button.js';
import styles from './states.module.css';

type EmptyProps = Readonly<{ title: string; children?: ReactNode; action?: ReactNode }>;

/** What a screen says when there is nothing yet, with what to do about it. */
export function Empty({ title, children, action }: EmptyProps): ReactElement {
  return (
    <section className={styles['state']}>
      <h2>{title}</h2>
      {children !== undefined && <div className={styles['detail']}>{children}</div>}
      {action !== undefined && <div className={styles['actions']}>{action}</div>}
    </section>
  );
}

const LINES = [1, 2, 3, 4, 5];

/** Where rows will be. */
export function Loading(): ReactElement {
  return (
    <div className={styles['lines']} aria-busy="true">
      <span role="status" className={styles['hidden']}>
        {shellText.loading}
      </span>
      {LINES.map((line) => (
        <div key={line} className={styles['line']} />
      ))}
    </div>
  );
}

type FailedProps = Readonly<{ error: unknown; onAgain?: () => void }>;

/** What could not be loaded, why, and a way to try again. */
export function Failed({ error, onAgain }: FailedProps): ReactElement {
  if (error instanceof Refusal && error.status === 404)
    return <Empty title={shellText.notFound}>{shellText.notFoundDetail}</Empty>;
  if (error instanceof Refusal && error.status === 403)
    return <Empty title={shellText.noPermission}>{error.message}</Empty>;
  return (
    <section className={styles['state']} role="alert">
      <h2>{shellText.failed}</h2>
      <p className={styles['detail']}>{messageOf(error)}</p>
      {onAgain && (
        <div className={styles['actions']}>
          <Button onPress={onAgain}>{shellText.again}</Button>
        </div>
      )}
    </section>
  );
}

/** What a member sees whose role does not reach here. */
export function NoPermission({ roles }: Readonly<{ roles: readonly Role[] }>): ReactElement {
  return (
    <Empty title={shellText.noPermission}>
      {shellText.noPermissionDetail(roles.map((role) => roleNames[role]).join(' or '))}
    </Empty>
  );
}

type LoadedProps<Data> = Readonly<{ query: UseQueryResult<Data>; children: (data: Data) => ReactNode }>;

/** What was asked for, or why it is not there. Data that is there stays while it is asked for again. */
export function Loaded<Data>({ query, children }: LoadedProps<Data>): ReactElement {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failed error={query.error} onAgain={() => void query.refetch()} />;
  return <Loading />;
}

/** Text for those who listen. */
export function Hidden({ children }: Readonly<{ children: ReactNode }>): ReactElement {
  return <span className={styles['hidden']}>{children}</span>;
}
