import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { listField, optional, placeField, secretField, textField } from '../config/config-fields.js';
import { tlsField, urlField } from '../config/outside-fields.js';
import type { Kind, OutgoingItem } from '../kind.js';
import { makeHttpSender, resultOf } from '../sending/send-http.js';
import { loudnessOf, timeMsOf } from './record-facts.js';

type DatadogConfig = Readonly<{
  url?: string | undefined;
  site?: string | undefined;
  apiKey: string;
  service?: string | undefined;
  tags?: readonly string[] | undefined;
  tls?: TlsOptions | undefined;
}>;

/** Datadog drops what is older than 18 hours; an hour is left for the way and for clocks. */
const OLDEST_MS = 17 * 3_600_000;

/** Where logs are posted: the site's intake, or the URL given; a bare origin gets the path. */
const intakeOf = ({ url, site }: DatadogConfig): string => {
  if (url === undefined) return `https://http-intake.logs.${site ?? 'datadoghq.com'}/api/v2/logs`;
  return new URL(url).pathname === '/' ? new URL('/api/v2/logs', url).href : url;
};

/**
 * One log. A record that Datadog would drop for its age is stamped with the time of sending; its own time stays in the
 * record and in `toolgate.original_time`.
 */
const entryOf =
  ({ service, tags }: DatadogConfig, now: number) =>
  ({ record, text }: OutgoingItem): Readonly<Record<string, unknown>> => {
    const time = timeMsOf(record);
    const isOld = now - time > OLDEST_MS;
    return {
      ddsource: 'toolgate',
      ddtags: (tags ?? []).join(','),
      hostname: 'toolgate',
      service: service ?? 'toolgate',
      status: loudnessOf(record),
      timestamp: isOld ? now : time,
      message: text,
      toolgate: {
        event_id: record.eventId,
        seq: record.seq,
        type: record.type,
        call_id: record.callId,
        original_time: isOld ? new Date(time).toISOString() : undefined,
        test: record.isTest ? true : undefined,
      },
    };
  };

/**
 * Datadog's log intake. A batch of 500 records and 1 MiB stays under its limits of 1,000 entries and 5 MB, also when
 * every character of it is escaped once more.
 */
export const datadog: Kind<DatadogConfig> = {
  name: 'datadog',
  formats: ['native', 'ocsf', 'ecs', 'cef'],
  fields: {
    url: optional(urlField()),
    site: optional(
      placeField({ max: 253, pattern: /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, takes: 'takes a site such as datadoghq.eu' }),
    ),
    apiKey: secretField(),
    service: optional(textField()),
    tags: optional(listField(textField({ max: 200, pattern: /^[^,]+$/, takes: 'takes tags without commas' }), 50)),
    tls: tlsField(),
  },
  check: ({ url, site }) =>
    (url === undefined) === (site === undefined)
      ? [{ pointer: '/config/site', code: 'invalid', message: 'give either site or url' }]
      : [],
  open: (config, { outbound }) => {
    const sender = makeHttpSender({ outbound, tls: config.tls });
    const url = intakeOf(config);
    const headers = { 'dd-api-key': config.apiKey, 'content-type': 'application/json' };
    return {
      send: async ({ items }, signal) => {
        const body = JSON.stringify(items.map(entryOf(config, Date.now())));
        return resultOf(await sender.request({ method: 'POST', url, headers, body }, signal));
      },
      close: sender.close,
    };
  },
};
