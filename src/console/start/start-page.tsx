import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactElement, type ReactNode } from 'react';
import { FirstCall } from '../grants/first-call.js';
import { GrantForm } from '../grants/grant-form.js';
import { IssuedToken } from '../grants/issued-grant.js';
import { identitiesQuery, type IssuedGrant } from '../grants/requests.js';
import { serverQuery, toolsQuery, type Server } from '../servers/requests.js';
import { ServerForm } from '../servers/server-form.js';
import { ToolsTable } from '../servers/tools-table.js';
import { startText as text } from '../text/start.js';
import { ButtonLink } from '../ui/button.js';
import { Page } from '../ui/page.js';
import { Hidden, Loaded } from '../ui/states.js';
import { PostureForm } from './posture-form.js';
import styles from './start-page.module.css';

/** How far somebody is: it stands in the address, so that a reload goes on. */
export type StartSearch = Readonly<{ server?: string; policy?: string }>;

type Props = Readonly<{ search: StartSearch; onSearch: (search: StartSearch) => void }>;

/** The first run: a server, a policy, a grant, and the first call as it comes. */
export function StartPage({ search, onSearch }: Props): ReactElement {
  const { server: serverId, policy: policyId } = search;
  const [grant, setGrant] = useState<IssuedGrant>();
  const server = useQuery({ ...serverQuery(serverId ?? ''), enabled: serverId !== undefined });
  const at = serverId === undefined ? 1 : policyId === undefined ? 2 : grant === undefined ? 3 : 4;
  return (
    <Page title={text.title} lead={text.lead} actions={<ButtonLink to="/servers">{text.later}</ButtonLink>}>
      <ol className={styles['steps']}>
        <Step number={1} at={at} title={text.steps.server}>
          {serverId === undefined ? (
            <ServerForm onAdded={({ id }) => onSearch({ server: id })} />
          ) : (
            <Loaded query={server}>{(found) => <Added server={found} isFolded={at > 2} />}</Loaded>
          )}
        </Step>
        <Step number={2} at={at} title={text.steps.posture}>
          {at === 2 && serverId !== undefined && (
            <PostureForm serverId={serverId} onSaved={({ id }) => onSearch({ server: serverId, policy: id })} />
          )}
        </Step>
        <Step number={3} at={at} title={text.steps.grant}>
          {at === 3 && server.data && <FirstGrant server={server.data} policyId={policyId ?? ''} onIssued={setGrant} />}
          {grant && <p className={styles['summary']}>{grant.identityName}</p>}
        </Step>
        <Step number={4} at={at} title={text.steps.connect}>
          {grant && (
            <>
              <IssuedToken grant={grant} />
              <FirstCall grantId={grant.id} />
            </>
          )}
        </Step>
      </ol>
    </Page>
  );
}

type StepProps = Readonly<{ number: number; at: number; title: string; children: ReactNode }>;

function Step({ number, at, title, children }: StepProps): ReactElement {
  const state = number < at ? 'done' : number === at ? 'current' : 'later';
  const heading = useRef<HTMLHeadingElement>(null);
  // The next step goes on where the eyes are, not behind a table with a button for each of a hundred tools.
  useEffect(() => {
    if (state === 'current' && number > 1) heading.current?.focus();
  }, [state, number]);
  return (
    <li
      className={`${styles['step']} ${styles[state] ?? ''}`}
      {...(state === 'current' && { 'aria-current': 'step' as const })}
    >
      <span className={styles['number']} aria-hidden="true">
        {state === 'done' ? '✓' : number}
      </span>
      <div className={styles['body']}>
        <h2 ref={heading} tabIndex={-1}>
          {title}
          {state === 'done' && <Hidden> ({text.done})</Hidden>}
        </h2>
        {children}
      </div>
    </li>
  );
}

function Added({ server, isFolded }: Readonly<{ server: Server; isFolded: boolean }>): ReactElement {
  const tools = useQuery(toolsQuery(server.id));
  return (
    <div className={styles['tools']}>
      <p className={styles['summary']}>{text.toolsRead(server.name, server.toolCount)}</p>
      {server.status === 'unreachable' && (
        <p role="status">
          {text.unreachable} {server.statusDetail}
        </p>
      )}
      {!isFolded && (
        <Loaded query={tools}>
          {(items) => (items.length === 0 ? null : <ToolsTable serverId={server.id} tools={items} />)}
        </Loaded>
      )}
    </div>
  );
}

type GrantProps = Readonly<{ server: Server; policyId: string; onIssued: (grant: IssuedGrant) => void }>;

function FirstGrant({ server, policyId, onIssued }: GrantProps): ReactElement {
  const identities = useQuery(identitiesQuery);
  return (
    <Loaded query={identities}>
      {(known) => (
        <GrantForm servers={[server]} identities={known} serverId={server.id} policyId={policyId} onIssued={onIssued} />
      )}
    </Loaded>
  );
}
