import {
  listClauses,
  textColumn,
  timeColumn,
  type ListQuery,
  type ListSource,
  type SortKey,
} from '../../platform/rest/list-query.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { LogStreamBody, LogStreamFilter } from '../event-log/events/index.js';
import type { Stream } from '../event-store/event-store.js';
import { evolveLogStream, type LogStream } from './log-streams.js';

type Row = {
  id: string;
  version: number;
  name: string;
  kind: string;
  format: string;
  mapping_version: string;
  config: Readonly<Record<string, unknown>>;
  filter: LogStreamFilter;
  stopped: LogStream['stopped'];
  stop_reason: string | null;
  deleted: boolean;
  created_at: Date;
};

const COLUMNS =
  'id, version, name, kind, format, mapping_version, config, filter, stopped, stop_reason, deleted, created_at';
const QUALIFIED = COLUMNS.split(', ')
  .map((column) => `s.${column}`)
  .join(', ');

const toLogStream = (row: Row): LogStream => ({
  name: row.name,
  kind: row.kind,
  format: row.format,
  mappingVersion: row.mapping_version,
  config: row.config,
  filter: row.filter,
  stopped: row.stopped,
  stopReason: row.stop_reason,
  deleted: row.deleted,
  createdAt: row.created_at.toISOString(),
});

const SAVE = `insert into log_streams(organization_id, ${COLUMNS})
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  on conflict (organization_id, id) do update set version = excluded.version, name = excluded.name,
    format = excluded.format, mapping_version = excluded.mapping_version, config = excluded.config,
    filter = excluded.filter, stopped = excluded.stopped, stop_reason = excluded.stop_reason,
    deleted = excluded.deleted`;

/** A log stream's history and its row; a deleted one keeps its row. */
export const logStreamStream: Stream<LogStream, LogStreamBody> = {
  noun: 'log stream',
  evolve: evolveLogStream,
  load: async (tx, organizationId, id) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from log_streams where organization_id = $1 and id = $2`, [
      organizationId,
      id,
    ]);
    return rows[0] && { state: toLogStream(rows[0]), version: rows[0].version };
  },
  save: async (tx, { organizationId, id, version, state }) => {
    const { name, kind, format, mappingVersion, config, filter, stopped, stopReason, deleted, createdAt } = state;
    await tx.query(SAVE, [
      organizationId,
      id,
      version,
      name,
      kind,
      format,
      mappingVersion,
      JSON.stringify(config),
      JSON.stringify(filter),
      stopped,
      stopReason,
      deleted,
      createdAt,
    ]);
  },
};

/** What a stream is doing; `paused` and `suspended` win over how its cursor fares. */
export type StreamStatus = 'active' | 'paused' | 'degraded' | 'auth_error' | 'suspended';

export type StoredLogStream = Readonly<{ id: string; version: number; status: StreamStatus; stream: LogStream }>;

type RowWithStatus = Row & { cursor_status: StreamStatus | null };

const FROM = `select ${QUALIFIED}, c.status as cursor_status from log_streams s
  left join log_stream_cursors c on c.organization_id = s.organization_id and c.id = s.id
  where s.organization_id = $1 and not s.deleted`;

const toStored = (row: RowWithStatus): StoredLogStream => ({
  id: row.id,
  version: row.version,
  status: row.stopped ?? row.cursor_status ?? 'degraded',
  stream: toLogStream(row),
});

/** A stream that is not deleted. */
export const findLogStream = async (
  tx: Tx,
  organizationId: string,
  id: string,
): Promise<StoredLogStream | undefined> => {
  const { rows } = await tx.query<RowWithStatus>(`${FROM} and s.id = $2`, [organizationId, id]);
  return rows[0] && toStored(rows[0]);
};

const LOG_STREAMS: ListSource = {
  id: 's.id',
  search: ['s.name'],
  sort: { name: textColumn('s.name'), kind: textColumn('s.kind'), createdAt: timeColumn('s.created_at') },
};

/** The fields that a list of log streams is sorted by. */
export const LOG_STREAM_SORTS = Object.keys(LOG_STREAMS.sort);

/** Streams that are not deleted. */
export const listLogStreams = async (
  tx: Tx,
  organizationId: string,
  query: ListQuery,
): Promise<readonly (StoredLogStream & SortKey)[]> => {
  const { sortKey, tail, values } = listClauses(LOG_STREAMS, query, [organizationId]);
  const { rows } = await tx.query<RowWithStatus & SortKey>(
    FROM.replace('select ', `select ${sortKey} as sort_key, `) + tail,
    values,
  );
  return rows.map((row) => ({ ...toStored(row), sort_key: row.sort_key }));
};

/** How many streams of the organization are not deleted. */
export const countLogStreams = async (tx: Tx, organizationId: string): Promise<number> =>
  (
    await tx.query<{ count: number }>(
      'select count(*)::int as count from log_streams where organization_id = $1 and not deleted',
      [organizationId],
    )
  ).rows[0]?.count ?? 0;
