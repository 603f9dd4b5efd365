import { newId } from '../../platform/crypto/ids.js';
import type { Alarm, TellAlarm } from '../../platform/postgres/alarm.js';
import { oneLine } from '../../platform/runtime/one-line.js';
import type { Message, ReadMessage, Told } from './deliver.js';
import { MAX_MAILS_PER_HOUR } from './outbox.js';
import { ALARMS } from './subjects.js';

const QUIET_SECONDS = 3600;
/** What a list of notifications keeps of an alarm, so that none is longer than a mail should be. */
const MAX_DETAIL_LENGTH = 4000;

const ENQUEUE = `insert into alarm_outbox(organization_id, id, subject_id, channel, type, alarm)
  select n.organization_id, u.id, $2, u.channel, $3, $6::jsonb
    from alarm_notifications n, (values ($4, 'webhook'), ($5, 'mail')) u(id, channel)
  where n.organization_id = $1
    and case u.channel when 'webhook' then n.webhook_origin is not null else jsonb_array_length(n.emails) > 0 end
    and not exists (select 1 from alarm_outbox o where o.organization_id = $1 and o.channel = u.channel
      and o.type = $3 and o.subject_id = $2 and o.created_at > now() - make_interval(secs => $7))
    and (select count(*) from alarm_outbox o where o.organization_id = $1 and o.channel = u.channel
      and o.created_at > now() - interval '1 hour') < ${MAX_MAILS_PER_HOUR}`;

/** Owes an organization's channels an alarm: see `TellAlarm`. */
export const tellAlarm: TellAlarm = async (tx, organizationId, { quietSeconds = QUIET_SECONDS, ...alarm }) => {
  const { type, subjectId } = alarm;
  const text = JSON.stringify({ ...alarm, detail: alarm.detail.slice(0, MAX_DETAIL_LENGTH) });
  const ids = [newId('msg'), newId('msg')];
  await tx.query(ENQUEUE, [organizationId, subjectId, type, ...ids, text, quietSeconds]);
};

/** The body of a webhook about an alarm. */
export const alarmBody = (organizationId: string, { type, data, ...alarm }: Alarm, now: Date): string =>
  JSON.stringify({ type, timestamp: now.toISOString(), data: { ...data, organizationId, ...alarm } });

/** The mail about an alarm. */
export const alarmMail = (
  publicUrl: string,
  { title, detail, type, subjectId }: Alarm,
): ReturnType<Message['mail']> => ({
  subject: oneLine(title),
  text: [detail, '', `What:   ${oneLine(type)}`, `About:  ${oneLine(subjectId)}`, `Where:  ${publicUrl}`, ''].join(
    '\n',
  ),
});

const read: ReadMessage = async (tx, { organizationId, id }, publicUrl) => {
  const { rows } = await tx.query<{ alarm: Alarm }>(
    'select alarm from alarm_outbox where organization_id = $1 and id = $2',
    [organizationId, id],
  );
  const alarm = rows[0]?.alarm;
  return (
    alarm && {
      webhookBody: (now) => alarmBody(organizationId, alarm, now),
      mail: () => alarmMail(publicUrl, alarm),
    }
  );
};

/** Alarms, for `startDelivery`. */
export const TELLING_ALARMS: Told = { subject: ALARMS, read };
