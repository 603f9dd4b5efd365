import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { ApprovalsPage } from './approvals-page.js';

/** The screen of the approvals. */
export function ApprovalsScreen(): ReactElement {
  const navigate = useNavigate();
  const search = useSearch({ from: '/signed-in/approvals' });
  return (
    <ApprovalsPage
      search={search}
      mayDecide={useMay('approver')}
      onSearch={(next) => void navigate({ to: '/approvals', search: next, resetScroll: false })}
    />
  );
}
