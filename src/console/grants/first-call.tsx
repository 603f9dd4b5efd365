import { queryOptions, useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { firstCallText as text } from '../text/first-call.js';
import { ButtonLink } from '../ui/button.js';
import { Section, Row } from '../ui/page.js';
import { grantQuery } from './requests.js';
import styles from './first-call.module.css';

const LOOK_MS = 1000;
const MAX_SHOWN = 5;

type Decision = Readonly<{ id: string; tool: string; effect: string; code: string; reason?: string | null }>;

/** The newest calls of a grant, looked for every second. */
const callsQuery = (grantId: string) =>
  queryOptions({
    queryKey: ['first-call', grantId],
    queryFn: async () => {
      const query = { grantId: [grantId], type: ['toolCall.decided'], order: 'desc', limit: MAX_SHOWN } as const;
      const page = dataOf(await api.GET('/v1/audit/events', { params: { query: query as never } }));
      return typeof page === 'string' ? [] : (page.items as unknown as readonly Decision[]);
    },
    refetchInterval: LOOK_MS,
  });

/** Waits for the calls of a grant, says what became of each, and why none may have come. */
export function FirstCall({ grantId }: Readonly<{ grantId: string }>): ReactElement {
  const calls = useQuery(callsQuery(grantId));
  const grant = useQuery(grantQuery(grantId));
  const seen = calls.data ?? [];
  return (
    <Section title={text.title}>
      <div aria-live="polite">
        {seen.length > 0 ? <Seen calls={seen} /> : <Waiting isConnected={Boolean(grant.data?.lastUsedAt)} />}
      </div>
    </Section>
  );
}

function Waiting({ isConnected }: Readonly<{ isConnected: boolean }>): ReactElement {
  return (
    <div className={styles['card']}>
      <p className={styles['head']}>
        <span className={styles['pulse']} aria-hidden="true" />
        {isConnected ? text.connected : text.waiting}
      </p>
      <p className={styles['soft']}>{isConnected ? text.connectedDetail : text.waitingDetail}</p>
      {!isConnected && (
        <ul className={styles['reasons']}>
          {text.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

const sentenceOf = ({ effect, tool }: Decision): string =>
  effect === 'allow' ? text.allowed(tool) : effect === 'hold' ? text.held(tool) : text.refused(tool);

const lookOf = ({ effect }: Decision): string =>
  [styles['card'], effect === 'deny' ? styles['refused'] : styles['seen']].join(' ');

function Seen({ calls }: Readonly<{ calls: readonly Decision[] }>): ReactElement {
  const isWorking = calls.some(({ effect }) => effect === 'allow');
  return (
    <div className={styles['card']}>
      {calls.map((call) => (
        <div key={call.id} className={lookOf(call)}>
          <p className={styles['head']}>
            <span className={styles['pulse']} aria-hidden="true" />
            {sentenceOf(call)}
          </p>
          {call.effect === 'deny' && (
            <p className={styles['soft']}>{call.reason ?? text.codes[call.code] ?? call.code}</p>
          )}
        </div>
      ))}
      {isWorking && <p>{text.done}</p>}
      <Row>
        <ButtonLink to="/log">{text.openLog}</ButtonLink>
        {calls.some(({ effect }) => effect === 'hold') && <ButtonLink to="/approvals">{text.openApprovals}</ButtonLink>}
      </Row>
    </div>
  );
}
