import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { grantText } from '../text/grants.js';
import { CodeLine } from '../ui/copy.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Facts, Page, Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { Time } from '../ui/time.js';
import { tell } from '../ui/toast.js';
import { ClientTabs } from './client-tabs.js';
import { GrantAdvice } from './grant-advice.js';
import { GrantLimits } from './grant-limits.js';
import { GrantPolicy } from './grant-policy.js';
import { GrantStatus } from './grant-status.js';
import { IssuedToken } from './issued-grant.js';
import { grantQuery, revokeGrant, rotateGrant, type Grant, type IssuedGrant } from './requests.js';

const text = grantText.detail;

const reread = () => queryClient.invalidateQueries({ queryKey: ['grants'] });

/** One grant: its state, its policy, what it used, what it could do without, and how a client is told of it. */
export function GrantPage({ id }: Readonly<{ id: string }>): ReactElement {
  const grant = useQuery(grantQuery(id));
  const [rotated, setRotated] = useState<IssuedGrant>();
  const isAdmin = useMay();
  const isAlive = grant.data !== undefined && grant.data.status !== 'revoked';
  return (
    <Page
      title={grant.data ? `${grant.data.identityName} → ${grant.data.serverName}` : grantText.title}
      back={{ to: '/grants', label: grantText.title }}
      actions={isAdmin && isAlive && <Actions id={id} onRotated={setRotated} />}
    >
      {rotated && <IssuedToken grant={rotated} />}
      <Loaded query={grant}>
        {(found) => (
          <>
            <About grant={found} />
            {isAlive && <GrantPolicy key={found.version} grant={found} />}
            <GrantLimits id={id} />
            <GrantAdvice id={id} />
            {!rotated && isAlive && (
              <Section title={text.client} lead={text.clientLead}>
                <ClientTabs serverName={found.serverName} mcpUrl={found.mcpUrl} />
              </Section>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function About({ grant }: Readonly<{ grant: Grant }>): ReactElement {
  const { status, policyName, lastUsedAt, expiresAt, createdAt, createdBy, label, tokens, mcpUrl } = grant;
  const ends = tokens.map((token) => (
    <span key={token.expiresAt ?? ''}>
      <Time value={token.expiresAt} never={text.untilRevoked} />{' '}
    </span>
  ));
  return (
    <Facts
      facts={[
        [grantText.columns.status, <GrantStatus key="status" status={status} />],
        [grantText.columns.label, label ?? undefined],
        [grantText.columns.policy, policyName ?? grantText.noPolicy],
        [text.address, <CodeLine key="address" name={text.address} text={mcpUrl} />],
        [grantText.columns.used, <Time key="used" value={lastUsedAt} never={grantText.never} />],
        [grantText.columns.expires, <Time key="expires" value={expiresAt} never={grantText.never} />],
        [text.tokens, ends.length === 0 ? undefined : ends],
        [grantText.columns.created, <Time key="created" value={createdAt} never="" />],
        [grantText.columns.by, createdBy.name ?? createdBy.id],
      ]}
    />
  );
}

type ActionProps = Readonly<{ id: string; onRotated: (grant: IssuedGrant) => void }>;

function Actions({ id, onRotated }: ActionProps): ReactElement {
  return (
    <>
      <ConfirmButton
        label={text.rotate}
        title={text.rotateTitle}
        text={text.rotateText}
        confirm={text.rotateAction}
        isDanger={false}
        onConfirm={async () => {
          onRotated(await rotateGrant(id));
          await reread();
        }}
      />
      <ConfirmButton
        label={text.revoke}
        title={text.revokeTitle}
        text={text.revokeText}
        confirm={text.revoke}
        onConfirm={async () => {
          await revokeGrant(id);
          tell(text.revoked);
          await reread();
        }}
      />
    </>
  );
}
