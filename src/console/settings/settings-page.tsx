import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { settingsText as text } from '../text/settings.js';
import { Page } from '../ui/page.js';
import { Tabs, type TabItem } from '../ui/tabs.js';
import { AccountSettings } from './account-settings.js';
import { KeySettings } from './key-settings.js';
import { MemberSettings } from './member-settings.js';
import { NotificationSettings } from './notification-settings.js';
import { OrganizationSettings } from './organization-settings.js';
import { ProofSettings } from './proof-settings.js';

/** Settings of the organization and of one's own account, as far as the role reaches. */
export function SettingsPage(): ReactElement {
  const isAdmin = useMay();
  const mayProve = useMay('auditor');
  const items: readonly (TabItem | false)[] = [
    { id: 'organization', label: text.tabs.organization, content: <OrganizationSettings /> },
    isAdmin && { id: 'members', label: text.tabs.members, content: <MemberSettings /> },
    isAdmin && { id: 'keys', label: text.tabs.keys, content: <KeySettings /> },
    isAdmin && { id: 'notifications', label: text.tabs.notifications, content: <NotificationSettings /> },
    { id: 'account', label: text.tabs.account, content: <AccountSettings /> },
    mayProve && { id: 'proof', label: text.tabs.proof, content: <ProofSettings /> },
  ];
  return (
    <Page title={text.title}>
      <Tabs label={text.label} items={items.filter((item) => item !== false)} />
    </Page>
  );
}
