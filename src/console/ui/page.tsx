import { useEffect, type ReactElement, type ReactNode } from 'react';
import { Link, type LinkProps } from '@tanstack/react-router';
import { shellText } from '../text/shell.js';
import styles from './page.module.css';

type PageProps = Readonly<{
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  /** Where this page belongs. */
  back?: Readonly<{ to: string; label: string }>;
  children: ReactNode;
}>;

/** One screen: its heading, what it is for, what can be done, and its content. */
export function Page({ title, lead, actions, back, children }: PageProps): ReactElement {
  useEffect(() => {
    document.title = `${title} · ${shellText.brand}`;
  }, [title]);
  return (
    <article className={styles['page']}>
      <header className={styles['head']}>
        <div className={styles['titles']}>
          {back && (
            <Link {...({ to: back.to } as unknown as LinkProps)} className={styles['back'] ?? ''}>
              ← {back.label}
            </Link>
          )}
          <h1>{title}</h1>
          {lead !== undefined && <p className={styles['lead']}>{lead}</p>}
        </div>
        {actions !== undefined && <div className={styles['actions']}>{actions}</div>}
      </header>
      {children}
    </article>
  );
}

type SectionProps = Readonly<{ title: string; lead?: ReactNode; actions?: ReactNode; children?: ReactNode }>;

/** A part of a screen, with a heading of its own. */
export function Section({ title, lead, actions, children }: SectionProps): ReactElement {
  return (
    <section className={styles['section']} aria-label={title}>
      <header className={styles['head']}>
        <div className={styles['titles']}>
          <h2>{title}</h2>
          {lead !== undefined && <p className={styles['lead']}>{lead}</p>}
        </div>
        {actions !== undefined && <div className={styles['actions']}>{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** Names and values, one pair a line; a value that is undefined is left out. */
export function Facts({ facts }: Readonly<{ facts: readonly (readonly [string, ReactNode])[] }>): ReactElement {
  return (
    <dl className={styles['facts']}>
      {facts
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => (
          <FactLine key={name} name={name} value={value} />
        ))}
    </dl>
  );
}

function FactLine({ name, value }: Readonly<{ name: string; value: ReactNode }>): ReactElement {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

/** Things beside each other that break into lines. */
export function Row({ children }: Readonly<{ children: ReactNode }>): ReactElement {
  return <div className={styles['row']}>{children}</div>;
}
