import { Counter, Gauge, type Registry } from 'prom-client';

/** Numbers of the streams of this process. No label names an organization or a stream. */
export type StreamMetrics = Readonly<{
  sent: (records: number, bytes: number) => void;
  missing: (records: number) => void;
}>;

/** Registers the metrics of the streams role; `running` is how many streams this process runs. */
export const makeStreamMetrics = (registry: Registry, running: () => number): StreamMetrics => {
  const registers = [registry];
  const delivered = new Counter({
    name: 'toolgate_log_streams_delivered_records_total',
    help: 'Records that receivers of log streams took',
    registers,
  });
  const bytes = new Counter({
    name: 'toolgate_log_streams_delivered_bytes_total',
    help: 'Bytes of these records in the formats of their streams',
    registers,
  });
  const missing = new Counter({
    name: 'toolgate_log_streams_missing_records_total',
    help: 'Records that retention took before a log stream had sent them',
    registers,
  });
  const gauge: Gauge = new Gauge({
    name: 'toolgate_log_streams_running',
    help: 'Log streams that this process runs',
    registers,
    collect: () => gauge.set(running()),
  });
  return {
    sent: (records, size) => {
      delivered.inc(records);
      bytes.inc(size);
    },
    missing: (records) => missing.inc(records),
  };
};
