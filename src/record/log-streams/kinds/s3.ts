import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AwsV4Signer } from 'aws4fetch';
import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { flagField, optional, placeField, secretField, textField, wholeField } from '../config/config-fields.js';
import { tlsField, urlField } from '../config/outside-fields.js';
import type { Batch, DestinationDeps, Kind, SendResult } from '../kind.js';
import { makeHttpSender, resultOf } from '../sending/send-http.js';

type S3Config = Readonly<{
  bucket: string;
  region: string;
  prefix?: string | undefined;
  endpoint?: string | undefined;
  pathStyle?: boolean | undefined;
  accessKeyId: string;
  secretAccessKey: string;
  maxWaitSeconds?: number | undefined;
  tls?: TlsOptions | undefined;
}>;

const compress = promisify(gzip);

const DEFAULT_WAIT_SECONDS = 60;
const MAX_WAIT_SECONDS = 3600;

const awsOrigin = (region: string): string =>
  `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

/**
 * Where the bucket is: in the host name at AWS, in the path at an endpoint of one's own, unless `pathStyle` says
 * otherwise. An address has no names below it, and a bucket with dots in its name has no certificate at AWS.
 */
const bucketUrl = ({ bucket, region, endpoint, pathStyle }: S3Config): string => {
  const url = new URL(endpoint ?? awsOrigin(region));
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0;
  const base = url.pathname.replace(/\/+$/, '');
  if (isAddress || (pathStyle ?? (endpoint !== undefined || bucket.includes('.'))))
    return `${url.origin}${base}/${bucket}`;
  return `${url.protocol}//${bucket}.${url.host}${base}`;
};

const datedFolder = (prefix: string | undefined, recordedAt: string): string => {
  const day = new Date(recordedAt).toISOString().slice(0, 10);
  const folder = (prefix ?? '').replace(/^\/+|\/+$/g, '');
  return folder === '' ? day : `${folder}/${day}`;
};

/**
 * The key of a batch, by the range of its records and the day when the first was recorded: a batch that is sent again
 * is the same object.
 */
export const keyOf = ({ items }: Batch, prefix: string | undefined): string => {
  const first = items[0]?.record;
  const last = items.at(-1)?.record;
  if (first === undefined || last === undefined) throw new RangeError('a batch holds a record');
  // A record that stands in no log has no number.
  const marked = `${first.isTest ? 'test' : 'heartbeat'}-${first.eventId}`;
  const range = first.seq === 0 ? marked : `${first.seq}-${last.seq}`;
  return `${datedFolder(prefix, first.recordedAt)}/${range}.ndjson.gz`;
};

/** Encoded as the signature has it: what is signed is then what is sent. */
const encodedPath = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

/**
 * What an object holds, as its metadata: so no object is ever without it. `content-sha256` is that of the lines before
 * they were compressed.
 */
const manifestOf = (
  { items }: Batch,
  text: string,
  { streamId, organizationId, format, mappingVersion }: DestinationDeps,
) => ({
  'x-amz-meta-organization-id': organizationId,
  'x-amz-meta-stream-id': streamId,
  'x-amz-meta-first-seq': String(items[0]?.record.seq),
  'x-amz-meta-last-seq': String(items.at(-1)?.record.seq),
  'x-amz-meta-records': String(items.length),
  'x-amz-meta-format': format.name,
  'x-amz-meta-mapping-version': mappingVersion,
  'x-amz-meta-content-sha256': createHash('sha256').update(text).digest('hex'),
  ...(items[0]?.record.isTest === true ? { 'x-amz-meta-test': 'true' } : {}),
});

/**
 * No answer of S3 is about what is in an object: a bucket that is missing, a wrong region and a clock that is wrong are
 * tried again until somebody has mended them.
 */
const resultOfPut = (result: SendResult): SendResult => {
  const isClock = result.outcome === 'auth_error' && result.answer?.body.includes('RequestTimeTooSkewed') === true;
  if (result.outcome !== 'refused' && !isClock) return result;
  return { outcome: 'retry', code: result.code, answer: result.answer, timedOut: false };
};

/** Objects of gzipped lines in a bucket of S3 or of what speaks like it. */
export const s3: Kind<S3Config> = {
  name: 's3',
  formats: ['native', 'ocsf', 'ecs', 'cef'],
  fields: {
    bucket: placeField({ max: 63, pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, takes: 'takes the name of a bucket' }),
    region: placeField({ max: 50, pattern: /^[a-z0-9-]+$/, takes: 'takes a region such as eu-central-1' }),
    prefix: optional(
      textField({
        max: 500,
        pattern: /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._/=-]+$/,
        takes: 'takes letters, digits and any of . _ / = -',
      }),
    ),
    endpoint: optional(urlField()),
    pathStyle: optional(flagField()),
    accessKeyId: secretField({ max: 256, pattern: /^[\w./+=-]+$/, takes: 'takes the id of an access key' }),
    secretAccessKey: secretField(),
    maxWaitSeconds: optional(wholeField(1, MAX_WAIT_SECONDS)),
    tls: tlsField(),
  },
  maxWaitMs: ({ maxWaitSeconds = DEFAULT_WAIT_SECONDS }) => maxWaitSeconds * 1000,
  open: (config, deps) => {
    const sender = makeHttpSender({ outbound: deps.outbound, tls: config.tls });
    const { accessKeyId, secretAccessKey, region } = config;
    const keys = { accessKeyId, secretAccessKey, region, service: 's3' };
    return {
      send: async (batch, signal) => {
        const text = batch.items.map((item) => `${item.text}\n`).join('');
        const body = await compress(text);
        const headers = {
          ...manifestOf(batch, text, deps),
          'content-type': 'application/gzip',
          'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
        };
        const url = `${bucketUrl(config)}/${encodedPath(keyOf(batch, config.prefix))}`;
        const signed = await new AwsV4Signer({ ...keys, method: 'PUT', url, headers }).sign();
        const request = { method: 'PUT', url, headers: Object.fromEntries(signed.headers), body } as const;
        return resultOfPut(resultOf(await sender.request(request, signal)));
      },
      close: sender.close,
    };
  },
};
