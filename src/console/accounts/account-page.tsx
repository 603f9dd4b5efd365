import { useEffect, type ReactElement, type ReactNode } from 'react';
import { shellText } from '../text/shell.js';
import styles from './account-page.module.css';

type AccountPageProps = Readonly<{ title: string; lead?: string; foot?: ReactNode; children: ReactNode }>;

/** The frame of the screens before the sign-in. */
export function AccountPage({ title, lead, foot, children }: AccountPageProps): ReactElement {
  useEffect(() => {
    document.title = `${title} · ${shellText.brand}`;
  }, [title]);
  return (
    <main className={styles['page']}>
      <div className={styles['card']}>
        <div className={styles['brand']}>
          <span className={styles['gate']} aria-hidden="true" />
          {shellText.brand}
        </div>
        <header>
          <h1>{title}</h1>
          {lead !== undefined && <p className={styles['lead']}>{lead}</p>}
        </header>
        {children}
        {foot !== undefined && <footer className={styles['foot']}>{foot}</footer>}
      </div>
    </main>
  );
}

/** A remark above a form. */
export function Note({ children }: Readonly<{ children: ReactNode }>): ReactElement {
  return (
    <p role="status" className={styles['note']}>
      {children}
    </p>
  );
}
