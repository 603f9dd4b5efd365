import type { ReactElement, ReactNode } from 'react';
import { Tab, TabList, TabPanel, Tabs as AriaTabs } from 'react-aria-components';
import styles from './tabs.module.css';

export type TabItem = Readonly<{ id: string; label: string; content: ReactNode }>;

/** Tabs in one place of a screen; arrow keys move between them. */
export function Tabs({ label, items }: Readonly<{ label: string; items: readonly TabItem[] }>): ReactElement {
  return (
    <AriaTabs className={styles['tabs'] ?? ''}>
      <TabList className={styles['list'] ?? ''} aria-label={label}>
        {items.map((item) => (
          <Tab key={item.id} id={item.id} className={styles['tab'] ?? ''}>
            {item.label}
          </Tab>
        ))}
      </TabList>
      {items.map((item) => (
        <TabPanel key={item.id} id={item.id} className={styles['panel'] ?? ''}>
          {item.content}
        </TabPanel>
      ))}
    </AriaTabs>
  );
}
