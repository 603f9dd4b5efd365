import { useState, type KeyboardEvent, type ReactElement } from 'react';
import { Cases, useCases } from './cases.js';
import { Difference } from './difference.js';
import { History } from './history.js';
import type { Tool } from './requests.js';
import { LastWeek } from './simulation.js';
import { TryCall } from './try-call.js';
import type { Draft } from './use-draft.js';
import styles from './builder.module.css';

type Props = Readonly<{
  draft: Draft;
  serverId: string;
  tools: readonly Tool[];
  onLit: (pointer: string | undefined) => void;
}>;

const TABS = ['Try a call', 'Changes', 'Last week', 'Tests', 'History'] as const;
type Tab = (typeof TABS)[number];

/** What helps before a save: a call, the changes, last week, test cases, the history. */
export function SidePanel(props: Props): ReactElement {
  const [tab, setTab] = useState<Tab>('Try a call');
  const move = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const next = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length];
    if (by === 0 || next === undefined) return;
    setTab(next);
    document.getElementById(`tab-${TABS.indexOf(next)}`)?.focus();
  };
  return (
    <section className={styles['side']}>
      <div role="tablist" aria-label="Before you save" className={styles['tabs']} onKeyDown={move}>
        {TABS.map((one, at) => (
          <button
            key={one}
            id={`tab-${at}`}
            role="tab"
            type="button"
            aria-selected={tab === one}
            aria-controls="policy-panel"
            tabIndex={tab === one ? 0 : -1}
            onClick={() => setTab(one)}
          >
            {one}
          </button>
        ))}
      </div>
      <div id="policy-panel" role="tabpanel" aria-labelledby={`tab-${TABS.indexOf(tab)}`} tabIndex={0}>
        <Content tab={tab} {...props} />
      </div>
    </section>
  );
}

function Content({ tab, draft, serverId, tools, onLit }: Props & Readonly<{ tab: Tab }>): ReactElement {
  const [cases, setCases] = useCases(draft.base?.id ?? serverId);
  if (tab === 'Changes') return <Difference before={draft.base?.source ?? ''} after={draft.text} />;
  if (tab === 'Last week') return <LastWeek draft={draft} />;
  if (tab === 'Tests') return <Cases {...{ draft, serverId, cases }} onCases={setCases} />;
  if (tab === 'History') return <History draft={draft} />;
  return <TryCall {...{ draft, serverId, tools, onLit }} onKeep={(one) => setCases([...cases, one])} />;
}
