import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { oneOfField, optional, placeField, wholeField, type ConfigField } from '../config/config-fields.js';
import { socketTlsField } from '../config/outside-fields.js';
import { newestMapping } from '../formats/format.js';
import { formats } from '../formats/formats.js';
import type { Batch, DestinationDeps, Kind, OutgoingItem, SendResult } from '../kind.js';
import { deliverOver } from './syslog-connection.js';
import { syslogFrame } from './syslog-frame.js';

type SyslogConfig = Readonly<{
  host: string;
  port: number;
  tls?: TlsOptions | false | undefined;
  body?: 'json' | 'cef' | undefined;
}>;

/**
 * The longest message: receivers lose their place in the stream (rsyslog, beyond 200,000 octets) or drop the connection
 * (syslog-ng, beyond `log-msg-size`), and all that stands behind, at one that is too long for them.
 */
const MAX_FRAME_BYTES = 131_072;

/** TLS with these certificates, or `false` for a plain connection. */
const tlsOrPlain = (): ConfigField<TlsOptions | false> => {
  const tls = socketTlsField();
  return {
    optional: true,
    read: (value, at, wrong) => (value === false ? false : tls.read(value, at, wrong)),
    show: (value) => (value === false ? false : tls.show(value)),
    secrets: (value) => (value === false ? [] : tls.secrets(value)),
    place: (value) => (value === false ? 'plain' : tls.place(value)),
  };
};

const tooLong = (bytes: number): string =>
  `the message has ${bytes} octets; receivers lose their place in the stream at one of more than ${MAX_FRAME_BYTES}`;

class SyslogDestination {
  readonly #config: SyslogConfig;
  readonly #deps: DestinationDeps;

  constructor(config: SyslogConfig, deps: DestinationDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  async send({ items }: Batch, signal: AbortSignal): Promise<SendResult> {
    const frames = items.map((item) => syslogFrame(item.record, this.#textOf(item), this.#deps.streamId));
    const sendable = frames.filter((frame) => frame.length <= MAX_FRAME_BYTES);
    const { host, port, tls = {} } = this.#config;
    const failure = await deliverOver(
      () => this.#deps.outbound.socket({ host, port, ...(tls === false ? {} : { tls }) }),
      { bytes: Buffer.concat(sendable), isTls: tls !== false, signal },
    );
    if (failure !== undefined)
      return {
        outcome: 'retry',
        timedOut: failure.code === 'timed_out',
        code: failure.code,
        answer: { httpStatus: null, body: failure.message },
      };
    const refused = items.flatMap(({ record }, index) => {
      const bytes = frames[index]?.length ?? 0;
      return bytes <= MAX_FRAME_BYTES ? [] : [{ seq: record.seq, answer: { httpStatus: null, body: tooLong(bytes) } }];
    });
    return refused.length === 0
      ? { outcome: 'accepted', answer: null }
      : { outcome: 'accepted_except', answer: null, refused };
  }

  /** There is no connection between batches. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** CEF when the format or `body` says so, else the format's JSON. */
  #textOf({ record, text }: OutgoingItem): string {
    const { cef } = formats;
    if (this.#config.body !== 'cef' || !this.#deps.format.isJson || cef === undefined) return text;
    return cef.format(record, newestMapping(cef));
  }
}

/**
 * Syslog (RFC 5424) over TLS or TCP, framed by octets. A receiver acknowledges nothing: that it read a batch to its end
 * is known, that it kept it is not.
 */
export const syslog: Kind<SyslogConfig> = {
  name: 'syslog',
  formats: ['native', 'ocsf', 'ecs', 'cef'],
  fields: {
    host: placeField({ max: 253, pattern: /^[A-Za-z0-9._:-]+$/, takes: 'takes a host name or an address' }),
    port: { ...wholeField(1, 65_535), place: String },
    tls: tlsOrPlain(),
    body: optional(oneOfField('json', 'cef')),
  },
  // `body` says no more than the format does, but for CEF in place of the format that comes without being asked for.
  checkFormat: ({ body }, format) => {
    const contradicts = body === 'json' ? format === 'cef' : body === 'cef' && format !== 'cef' && format !== 'native';
    if (!contradicts) return [];
    const message = `contradicts the format ${format}, which says what is sent: leave it out`;
    return [{ pointer: '/config/body', code: 'invalid', message }];
  },
  open: (config, deps) => new SyslogDestination(config, deps),
};
