import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A page or file as it is sent. `mark` stands in the text where the nonce of each response goes. */
export type Rendered = Readonly<{
  status: number;
  type: string;
  body: string | Buffer;
  etag: string;
  cacheControl: string;
  mark?: string;
  /** Whether scripts of the page may ask the API. */
  mayFetch?: boolean;
  /** Where a form of the page may lead to, beside this installation. */
  formAction?: string;
}>;

const ETAG_LENGTH = 22;

/**
 * The ETag of a text. It is weak, as a nonce makes each response another; on pages it counts what a reader sees.
 */
export const etagOf = (body: string | Buffer): string =>
  `W/"${createHash('sha256').update(body).digest('base64url').slice(0, ETAG_LENGTH)}"`;

const NONCE_BYTES = 16;

const pagePolicy = (nonce: string, { mayFetch = false, formAction = '' }: Rendered): string =>
  `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'self'; img-src 'self'; ` +
  `connect-src ${mayFetch ? "'self'" : "'none'"}; form-action ${`'self' ${formAction}`.trim()}; ` +
  `base-uri 'none'; frame-ancestors 'none'`;

const FILE_POLICY = "default-src 'none'; frame-ancestors 'none'";

const bare = (etag: string): string => etag.trim().replace(/^W\//, '');

/** Whether a client has this version already (RFC 9110, 13.1.2). */
const isKnown = ({ headers }: IncomingMessage, etag: string): boolean => {
  const sent = headers['if-none-match'];
  if (sent === undefined) return false;
  return sent.trim() === '*' || sent.split(',').some((one) => bare(one) === bare(etag));
};

/** The bytes of a response, with a nonce of their own where the page has one. */
const withNonce = (rendered: Rendered): Readonly<{ bytes: Buffer; policy: string }> => {
  const { body, mark } = rendered;
  if (mark === undefined) return { bytes: Buffer.from(body), policy: FILE_POLICY };
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  return { bytes: Buffer.from(String(body).replaceAll(mark, nonce)), policy: pagePolicy(nonce, rendered) };
};

/**
 * Sends a page or a file: 304 without a body to a client that has it, only the headers of it for HEAD. A 304 sends no
 * policy, so that the one of the stored response goes on to match its nonce.
 */
export const sendRendered = (request: IncomingMessage, response: ServerResponse, rendered: Rendered): void => {
  response.setHeader('cache-control', rendered.cacheControl);
  response.setHeader('x-content-type-options', 'nosniff');
  response.removeHeader('content-security-policy');
  if (rendered.status === 200) response.setHeader('etag', rendered.etag);
  if (rendered.status === 200 && isKnown(request, rendered.etag)) {
    response.writeHead(304).end();
    return;
  }
  const { bytes, policy } = withNonce(rendered);
  response.setHeader('content-security-policy', policy);
  response.writeHead(rendered.status, { 'content-type': rendered.type, 'content-length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
};
