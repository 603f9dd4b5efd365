import type { ReactElement } from 'react';
import { grantText } from '../text/grants.js';
import { Badge } from '../ui/badge.js';
import type { Grant } from './requests.js';

const TONES = { active: 'good', expired: 'plain', revoked: 'bad', disabled: 'warn' } as const;

/** Whether calls with a grant are judged at all. */
export function GrantStatus({ status }: Pick<Grant, 'status'>): ReactElement {
  return <Badge tone={TONES[status]}>{grantText.statuses[status]}</Badge>;
}
