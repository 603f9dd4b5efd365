import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { serverText as text } from '../text/servers.js';
import { ButtonLink } from '../ui/button.js';
import { Page } from '../ui/page.js';
import { Empty, Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { serversQuery, type Server } from './requests.js';
import { addressOf, ServerStatus } from './server-status.js';

const COLUMNS: readonly Column<Server>[] = [
  {
    id: 'name',
    header: text.columns.name,
    isRowHeader: true,
    cell: ({ id, name }) => (
      <Link to="/servers/$id" params={{ id }}>
        {name}
      </Link>
    ),
    value: ({ name }) => name,
  },
  {
    id: 'status',
    header: text.columns.status,
    cell: ({ status }) => <ServerStatus status={status} />,
    value: ({ status }) => status,
  },
  {
    id: 'tools',
    header: text.columns.tools,
    isAtEnd: true,
    cell: ({ toolCount }) => toolCount,
    value: ({ toolCount }) => toolCount,
  },
  { id: 'address', header: text.columns.address, cell: (server) => <code>{addressOf(server)}</code> },
  {
    id: 'discovered',
    header: text.columns.discovered,
    cell: ({ discoveredAt }) => <Time value={discoveredAt} never={text.never} />,
    value: ({ discoveredAt }) => discoveredAt ?? '',
  },
];

/** All servers of the organization. */
export function ServersPage(): ReactElement {
  const servers = useQuery(serversQuery);
  const mayAdd = useMay();
  const add = mayAdd ? (
    <ButtonLink to="/servers/new" look="primary">
      {text.add}
    </ButtonLink>
  ) : undefined;
  const hasSome = (servers.data?.length ?? 0) > 0;
  return (
    <Page title={text.title} lead={text.lead} actions={hasSome ? add : undefined}>
      <Loaded query={servers}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={text.none} action={add}>
              {text.noneDetail}
            </Empty>
          ) : (
            <DataTable caption={text.title} items={items} columns={COLUMNS} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
    </Page>
  );
}
