import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { serversQuery } from '../servers/requests.js';
import { grantText as text } from '../text/grants.js';
import { serverText } from '../text/servers.js';
import { ButtonLink } from '../ui/button.js';
import { Page } from '../ui/page.js';
import { Empty, Loaded, NoPermission } from '../ui/states.js';
import { FirstCall } from './first-call.js';
import { GrantForm } from './grant-form.js';
import { IssuedToken } from './issued-grant.js';
import { identitiesQuery, type IssuedGrant } from './requests.js';

type Props = Readonly<{ serverId: string | undefined; policyId: string | undefined }>;

/** A new grant; then its token, the client's configuration, and the first call as it comes. */
export function NewGrantPage({ serverId, policyId }: Props): ReactElement {
  const [issued, setIssued] = useState<IssuedGrant>();
  const back = { to: '/grants', label: text.title } as const;
  if (!useMay())
    return (
      <Page title={text.add} back={back}>
        <NoPermission roles={['admin']} />
      </Page>
    );
  if (issued)
    return (
      <Page title={text.issued.title} back={back}>
        <IssuedToken grant={issued} />
        <FirstCall grantId={issued.id} />
      </Page>
    );
  return (
    <Page title={text.add} lead={text.form.lead} back={back}>
      <Choice serverId={serverId} policyId={policyId} onIssued={setIssued} />
    </Page>
  );
}

function Choice(props: Props & Readonly<{ onIssued: (grant: IssuedGrant) => void }>): ReactElement {
  const servers = useQuery(serversQuery);
  const identities = useQuery(identitiesQuery);
  return (
    <Loaded query={servers}>
      {(found) =>
        found.length === 0 ? (
          <Empty title={text.noServer} action={<ButtonLink to="/servers/new">{serverText.add}</ButtonLink>}>
            {text.noServerDetail}
          </Empty>
        ) : (
          <Loaded query={identities}>{(known) => <GrantForm servers={found} identities={known} {...props} />}</Loaded>
        )
      }
    </Loaded>
  );
}
