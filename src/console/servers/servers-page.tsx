import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { serverText as text } from '../text/servers.js';
import { Badge } from '../ui/badge.js';
import { Page } from '../ui/page.js';
import { Empty, Loaded } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { serversQuery, type Server } from './requests.js';

const COLUMNS: readonly Column<Server>[] = [
  { id: 'name', header: 'Name', isRowHeader: true, cell: ({ name }) => name, value: ({ name }) => name },
  { id: 'status', header: 'Status', cell: ({ status }) => <Badge>{status}</Badge>, value: ({ status }) => status },
  {
    id: 'tools',
    header: 'Tools',
    isAtEnd: true,
    cell: (server) => server.toolCount,
    value: (server) => server.toolCount,
  },
];

/** All servers of the organization. */
export function ServersPage(): ReactElement {
  const servers = useQuery(serversQuery);
  return (
    <Page title={text.title} lead={text.lead}>
      <Loaded query={servers}>
        {(items) =>
          items.length === 0 ? (
            <Empty title={text.none}>{text.noneDetail}</Empty>
          ) : (
            <DataTable caption={text.title} items={items} columns={COLUMNS} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
    </Page>
  );
}
