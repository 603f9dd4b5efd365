import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { UsagePage } from './usage-page.js';

/** The screen of the usage. */
export function UsageScreen(): ReactElement {
  const navigate = useNavigate();
  const { range = '24h' } = useSearch({ from: '/signed-in/usage' });
  return <UsagePage range={range} onRange={(next) => void navigate({ to: '/usage', search: { range: next } })} />;
}
