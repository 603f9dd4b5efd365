import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { NoPermission } from '../ui/states.js';
import { LogPage } from './log-page.js';

/** The screen of the log. */
export function LogScreen(): ReactElement {
  const navigate = useNavigate();
  const search = useSearch({ from: '/signed-in/log' });
  if (!useMay('auditor', 'policy_manager', 'viewer'))
    return <NoPermission roles={['auditor', 'policy_manager', 'viewer']} />;
  return (
    <LogPage search={search} onSearch={(next) => void navigate({ to: '/log', search: next, resetScroll: false })} />
  );
}
