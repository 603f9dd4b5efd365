import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, type ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { grantText as text } from '../text/grants.js';
import { ButtonLink } from '../ui/button.js';
import { Page } from '../ui/page.js';
import { Empty, Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { GrantStatus } from './grant-status.js';
import { Identities } from './identities.js';
import { grantsQuery, type Grant } from './requests.js';

const COLUMNS: readonly Column<Grant>[] = [
  {
    id: 'identity',
    header: text.columns.identity,
    isRowHeader: true,
    cell: ({ id, identityName, label }) => (
      <Link to="/grants/$id" params={{ id }}>
        {identityName}
        {label !== null && ` · ${label}`}
      </Link>
    ),
    value: ({ identityName }) => identityName,
  },
  {
    id: 'server',
    header: text.columns.server,
    cell: ({ serverName }) => serverName,
    value: ({ serverName }) => serverName,
  },
  {
    id: 'policy',
    header: text.columns.policy,
    cell: ({ policyName }) => policyName ?? text.noPolicy,
    value: ({ policyName }) => policyName ?? '',
  },
  {
    id: 'status',
    header: text.columns.status,
    cell: ({ status }) => <GrantStatus status={status} />,
    value: ({ status }) => status,
  },
  {
    id: 'used',
    header: text.columns.used,
    cell: ({ lastUsedAt }) => <Time value={lastUsedAt} never={text.never} />,
    value: ({ lastUsedAt }) => lastUsedAt ?? '',
  },
  {
    id: 'expires',
    header: text.columns.expires,
    cell: ({ expiresAt }) => <Time value={expiresAt} never={text.never} />,
    value: ({ expiresAt }) => expiresAt ?? '9',
  },
];

/** All grants, and the identities that have them. */
export function GrantsPage({ identity }: Readonly<{ identity: string | undefined }>): ReactElement {
  const grants = useQuery(grantsQuery);
  const mayAdd = useMay();
  const shown = useMemo(
    () => grants.data?.filter(({ identityId }) => identity === undefined || identityId === identity),
    [grants.data, identity],
  );
  const add = mayAdd ? (
    <ButtonLink to="/grants/new" look="primary">
      {text.add}
    </ButtonLink>
  ) : undefined;
  return (
    <Page title={text.title} lead={text.lead} actions={(shown?.length ?? 0) > 0 ? add : undefined}>
      <Loaded query={grants}>
        {() =>
          shown === undefined || shown.length === 0 ? (
            <Empty title={text.none} action={add}>
              {text.noneDetail}
            </Empty>
          ) : (
            <DataTable caption={text.title} items={shown} columns={COLUMNS} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
      <Identities />
    </Page>
  );
}
