import type { Certificates } from './certificates.js';
import { json, startHttpReceiver, textOf, type HttpReceiver } from './http-receiver.js';

export type Log = Readonly<{
  ddsource: string;
  ddtags: string;
  service: string;
  timestamp: number;
  message: string;
  toolgate: Readonly<{ event_id: string; seq: number; original_time?: string }>;
}>;
export type Datadog = HttpReceiver & Readonly<{ logs: () => readonly Log[] }>;

/**
 * Datadog's log intake, as "Send logs" of its API reference has it: a key, 202, at most 5 MB and 1,000 entries; what is
 * older than 18 hours is accepted and dropped.
 */
export const startDatadog = async (apiKey: string, certificates?: Certificates): Promise<Datadog> => {
  const logs: Log[] = [];
  const receiver = await startHttpReceiver((request) => {
    if (request.headers['dd-api-key'] !== apiKey) return json(403, { errors: [{ status: '403', title: 'Forbidden' }] });
    if (request.path !== '/api/v2/logs') return json(404, { errors: [] });
    const text = textOf(request);
    if (Buffer.byteLength(text) > 5_000_000) return json(413, { errors: [{ status: '413' }] });
    const entries = JSON.parse(text) as Log[];
    if (!Array.isArray(entries) || entries.length > 1000) return json(400, { errors: [{ status: '400' }] });
    if (text.includes('\\"poison\\"')) return json(400, { errors: [{ status: '400', detail: 'invalid log' }] });
    logs.push(...entries.filter(({ timestamp }) => Date.now() - timestamp < 18 * 3_600_000));
    return json(202, {});
  }, certificates);
  return { ...receiver, logs: () => logs };
};
