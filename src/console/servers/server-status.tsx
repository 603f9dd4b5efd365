import type { ReactElement } from 'react';
import { serverText } from '../text/servers.js';
import { Badge } from '../ui/badge.js';
import type { Server } from './requests.js';

const TONES = { ready: 'good', unreachable: 'bad', needs_sign_in: 'warn', disabled: 'plain' } as const;

/** Whether calls reach a server. */
export function ServerStatus({ status }: Pick<Server, 'status'>): ReactElement {
  return <Badge tone={TONES[status]}>{serverText.statuses[status]}</Badge>;
}

/** Where a server is, in one line. */
export const addressOf = ({ transport }: Server): string =>
  transport.url ?? [transport.command, ...(transport.args ?? [])].join(' ');
