import type { ReactElement, ReactNode } from 'react';
import styles from './badge.module.css';

export type Tone = 'plain' | 'good' | 'warn' | 'high' | 'bad' | 'held';

/** A short state, told by its word; the colour only repeats it. */
export function Badge({ tone = 'plain', children }: Readonly<{ tone?: Tone; children: ReactNode }>): ReactElement {
  return <span className={[styles['badge'], tone === 'plain' ? '' : styles[tone]].join(' ').trim()}>{children}</span>;
}

const RISK_TONES = { low: 'good', medium: 'warn', high: 'high', critical: 'bad' } as const;

/** How much harm a tool can do. */
export function RiskBadge({ risk }: Readonly<{ risk: keyof typeof RISK_TONES }>): ReactElement {
  return <Badge tone={RISK_TONES[risk]}>{risk}</Badge>;
}
