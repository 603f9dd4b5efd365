import type { ReactElement } from 'react';
import { streamText } from '../text/log-streams.js';
import { Badge } from '../ui/badge.js';
import type { LogStream } from './requests.js';

const TONES = { active: 'good', paused: 'plain', degraded: 'warn', auth_error: 'bad', suspended: 'bad' } as const;

/** Whether records reach the receiver. */
export function StreamStatus({ status }: Pick<LogStream, 'status'>): ReactElement {
  return <Badge tone={TONES[status]}>{streamText.statuses[status]}</Badge>;
}
