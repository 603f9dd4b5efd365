import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { streamText as text } from '../text/log-streams.js';
import { ButtonLink } from '../ui/button.js';
import { Page } from '../ui/page.js';
import { Empty, Loaded, NoPermission } from '../ui/states.js';
import { DataTable, type Column } from '../ui/table.js';
import { Time } from '../ui/time.js';
import { streamsQuery, type LogStream } from './requests.js';
import { StreamStatus } from './stream-status.js';

const COLUMNS: readonly Column<LogStream>[] = [
  {
    id: 'name',
    header: text.columns.name,
    isRowHeader: true,
    cell: ({ id, name }) => (
      <Link to="/log-streams/$id" params={{ id }}>
        {name}
      </Link>
    ),
    value: ({ name }) => name,
  },
  { id: 'kind', header: text.columns.kind, cell: ({ kind }) => text.kinds[kind], value: ({ kind }) => kind },
  { id: 'format', header: text.columns.format, cell: ({ format }) => format, value: ({ format }) => format },
  {
    id: 'status',
    header: text.columns.status,
    cell: ({ status }) => <StreamStatus status={status} />,
    value: ({ status }) => status,
  },
  { id: 'created', header: text.columns.created, cell: ({ createdAt }) => <Time value={createdAt} never="" /> },
];

/** All log streams, for those who may see them. */
export function StreamsPage(): ReactElement {
  const mayRead = useMay('auditor');
  const isAdmin = useMay();
  const streams = useQuery({ ...streamsQuery, enabled: mayRead });
  const add = isAdmin ? (
    <ButtonLink to="/log-streams/new" look="primary">
      {text.add}
    </ButtonLink>
  ) : undefined;
  if (!mayRead)
    return (
      <Page title={text.title} lead={text.lead}>
        <NoPermission roles={['auditor']} />
      </Page>
    );
  return (
    <Page title={text.title} lead={text.lead} actions={(streams.data?.length ?? 0) > 0 ? add : undefined}>
      <Loaded query={streams}>
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
