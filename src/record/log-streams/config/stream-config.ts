import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json } from '../../../platform/json/json-object.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { Problem, urlProblem, type ProblemDetail } from '../../../platform/runtime/problems.js';
import type { FormatName } from '../formats/format.js';
import type { AnyKind } from '../kinds/kinds.js';
import { optional, placeOf, readFields, SET, showConfig, wholeField, type ConfigFields } from './config-fields.js';

const isSet = (value: unknown): boolean => isDeepStrictEqual(value, SET);

/** Puts what is kept where answers show no value: `{"set": true}`, and texts that read as they are shown. */
const withKept = (given: unknown, kept: unknown, shown: unknown): unknown => {
  if (kept !== undefined && (isSet(given) || (typeof given === 'string' && given === shown))) return kept;
  if (!isObject(given) || !isObject(kept) || !isObject(shown)) return given;
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, withKept(value, kept[name], shown[name])]),
  );
};

/** Whether a secret of `kept` was not given anew. */
const keepsSecret = (given: unknown): boolean =>
  isSet(given) || (isObject(given) && Object.values(given).some(keepsSecret));

const wrongBody = (errors: readonly ProblemDetail[]): Problem =>
  new Problem('invalid_body', 'Correct what errors[] names and send the request again.', { errors });

const MIN_HEARTBEAT_SECONDS = 10;
const MAX_HEARTBEAT_SECONDS = 86_400;

/** What every kind takes. */
const COMMON_FIELDS = { heartbeatSeconds: optional(wholeField(MIN_HEARTBEAT_SECONDS, MAX_HEARTBEAT_SECONDS)) };

const fieldsOf = (kind: AnyKind): ConfigFields<Json> =>
  ({ ...(kind.fields as object), ...COMMON_FIELDS }) as unknown as ConfigFields<Json>;

/** After how long without a record a stream sends a heartbeat, in milliseconds; undefined for never. */
export const heartbeatMsOf = ({ heartbeatSeconds }: Json): number | undefined =>
  typeof heartbeatSeconds === 'number' ? heartbeatSeconds * 1000 : undefined;

/** A config as answers and events show it. */
export const shownConfig = (kind: AnyKind, config: Json): Json => showConfig(fieldsOf(kind), config);

const checked = (kind: AnyKind, value: unknown): Json => {
  const errors: ProblemDetail[] = [];
  const config = readFields(fieldsOf(kind), value, { at: '/config', wrong: (detail) => void errors.push(detail) });
  if (errors.length === 0) errors.push(...(kind.check?.(config as never) ?? []));
  if (errors.length > 0) throw wrongBody(errors);
  return config;
};

/** Refuses members that contradict the stream's format. @throws Problem invalid_body */
export const checkFormat = (kind: AnyKind, config: Json, format: FormatName): void => {
  const errors = kind.checkFormat?.(config as never, format) ?? [];
  if (errors.length > 0) throw wrongBody(errors);
};

/** The config of a new stream. @throws Problem invalid_body with everything that is wrong */
export const readConfig = (kind: AnyKind, value: unknown): Json => checked(kind, value);

/**
 * A changed config: members that are given replace those that are kept, null takes one away, and `{"set": true}`, or
 * what answers show, means the value that is kept. A kept secret never goes to another place: whoever may change a URL
 * could have it sent to themselves.
 * @throws Problem invalid_body
 */
export const readChangedConfig = (kind: AnyKind, kept: Json, value: unknown): Json => {
  if (!isObject(value)) return checked(kind, value);
  const shown = shownConfig(kind, kept);
  const given = Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, withKept(one, kept[name], shown[name])]),
  );
  const config = checked(kind, { ...kept, ...given });
  if (placeOf(fieldsOf(kind), config) === placeOf(fieldsOf(kind), kept)) return config;
  const notGiven = Object.keys(shown).filter(
    (name) => keepsSecret(shown[name]) && name in config && (!Object.hasOwn(value, name) || keepsSecret(value[name])),
  );
  if (notGiven.length === 0) return config;
  throw wrongBody(
    notGiven.map((name) => ({
      pointer: `/config/${name}`,
      code: 'invalid',
      message:
        'give it anew, as the stream goes to another place: a secret that is kept is sent to its own place alone',
    })),
  );
};

/** The places of a config, each as a URL for the guard: what is no https or http is judged like it. */
const placesIn = (config: Json): readonly Readonly<{ pointer: string; url: string }>[] => {
  const scheme = config['tls'] === false ? 'http' : 'https';
  const { url, endpoint, host, port, brokers } = config;
  const named = [
    ['url', url],
    ['endpoint', endpoint],
    ['host', typeof host === 'string' ? `${scheme}://${host}:${String(port)}` : undefined],
    ...(Array.isArray(brokers) ? brokers : []).map((broker: unknown, at) => [
      `brokers/${at}`,
      `${scheme}://${String(broker)}`,
    ]),
  ];
  return named.flatMap(([name, place]) =>
    typeof place === 'string' ? [{ pointer: `/config/${String(name)}`, url: place }] : [],
  );
};

/**
 * Asks the guard about the places of a config, so that a stream that can't be is refused at once; a name that is not
 * found yet passes. Each connection is judged again. @throws Problem invalid_body, url_not_allowed
 */
export const checkPlaces = async (outbound: Outbound, config: Json): Promise<void> => {
  for (const { pointer, url } of placesIn(config)) {
    const checkedUrl = outbound.check(url);
    if (!checkedUrl.ok) throw urlProblem(pointer, checkedUrl);
    const resolved = await outbound.resolve(checkedUrl.url);
    if (!resolved.ok && resolved.code !== 'name_not_resolved') throw urlProblem(pointer, resolved);
  }
};
