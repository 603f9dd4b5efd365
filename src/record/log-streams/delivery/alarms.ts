import type { Tx } from '../../../platform/postgres/database.js';
import type { Alarm, TellAlarm } from '../../../platform/postgres/alarm.js';
import type { Change, EventStore } from '../../event-store/event-store.js';

/** What can be wrong with a stream that nobody may notice by themselves. */
export const ALARM_CODES = [
  'trailing',
  'vanished',
  'auth_error',
  'suspended',
  'cursor_beyond_head',
  'records_gone',
  'unreadable',
] as const;
export type AlarmCode = (typeof ALARM_CODES)[number];

const WORDS: Readonly<Record<AlarmCode, Readonly<{ title: string; detail: string }>>> = {
  trailing: {
    title: 'A log stream trails the audit log',
    detail: 'The stream is far behind the newest record. Its receiver does not take what is sent, or takes it slowly.',
  },
  vanished: {
    title: 'A log stream is not running',
    detail:
      'The stream exists, but no process runs it, or its settings are gone: nothing is sent. Check that a process ' +
      'with the role streams is up.',
  },
  auth_error: {
    title: 'A log stream is refused by its receiver',
    detail: 'The receiver does not take the credentials of the stream (401 or 403). Give it new ones, or resume it.',
  },
  suspended: {
    title: 'A log stream is suspended',
    detail: 'Its receiver took nothing for seven days. Nothing is sent until somebody resumes the stream.',
  },
  cursor_beyond_head: {
    title: 'A log stream is ahead of the audit log',
    detail:
      'The stream has sent records that the audit log does not have: the database was restored from a backup. It is ' +
      'stopped, as new records would have numbers that the receiver knows already.',
  },
  records_gone: {
    title: 'A log stream has missed records',
    detail: 'Retention took records before they were sent: see AUDIT_RETENTION_DAYS. The stream goes on behind them.',
  },
  unreadable: {
    title: 'A log stream can not be opened',
    detail:
      'Its settings can not be read: nothing is sent. Check that MASTER_KEY is the one that the stream was made ' +
      'with, or give the config of the stream again.',
  },
};

type About = Readonly<{ organizationId: string; streamId: string; code: AlarmCode }>;

const alarmOf = ({ streamId, code }: About): Alarm => ({
  type: `logStream.${code}`,
  subjectId: streamId,
  ...WORDS[code],
  data: { streamId, code },
});

/** Whether an alarm is new: it was not raised, or was over. */
const raise = async (tx: Tx, { organizationId, streamId, code }: About): Promise<boolean> =>
  (
    await tx.query(
      `insert into log_stream_alarms(organization_id, stream_id, code) values ($1, $2, $3)
       on conflict (organization_id, stream_id, code) do update set raised_at = now(), ended_at = null
         where log_stream_alarms.ended_at is not null`,
      [organizationId, streamId, code],
    )
  ).rowCount === 1;

/**
 * Puts an alarm on record and tells the organization, in a transaction that is open already; nothing for one that has
 * been raised and is not over.
 */
export const raiseAlarm = async (
  change: Pick<Change, 'tx' | 'appendFact'>,
  tellAlarm: TellAlarm,
  about: About,
): Promise<boolean> => {
  if (!(await raise(change.tx, about))) return false;
  await change.appendFact('logStreams', {
    type: 'logStream.alarmRaised',
    streamId: about.streamId,
    code: about.code,
  });
  await tellAlarm(change.tx, about.organizationId, alarmOf(about));
  return true;
};

/** The same in a transaction of its own. */
export const raiseAlarmAlone = (store: EventStore, tellAlarm: TellAlarm, about: About): Promise<boolean> =>
  store.change({ organizationId: about.organizationId, actor: { type: 'system', id: 'log-streams' } }, (change) =>
    raiseAlarm(change, tellAlarm, about),
  );
