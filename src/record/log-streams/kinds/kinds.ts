import type { Kind, KindName } from '../kind.js';
import { datadog } from './datadog.js';
import { elastic } from './elastic.js';
import { http } from './http.js';
import { kafka } from './kafka.js';
import { otlp } from './otlp.js';
import { s3 } from './s3.js';
import { splunkHec } from './splunk-hec.js';
import { syslog } from './syslog.js';
import { webhook } from './webhook.js';

/** A kind whose config is read by its own fields. */
export type AnyKind = Kind<never>;

/** Every kind that this release sends to. */
export const kinds: Readonly<Partial<Record<KindName, AnyKind>>> = {
  webhook: webhook as unknown as AnyKind,
  http: http as unknown as AnyKind,
  splunk_hec: splunkHec as unknown as AnyKind,
  syslog: syslog as unknown as AnyKind,
  otlp: otlp as unknown as AnyKind,
  elastic: elastic as unknown as AnyKind,
  datadog: datadog as unknown as AnyKind,
  s3: s3 as unknown as AnyKind,
  kafka: kafka as unknown as AnyKind,
};
