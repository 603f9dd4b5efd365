import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NextFunction, Request, Response } from 'express';
import { Problem } from '../platform/runtime/problems.js';

/** Where the build puts the console: it is never served from its sources. */
const BUILT = fileURLToPath(new URL('../../dist/console/', import.meta.url));
/** Where the console is served. */
export const CONSOLE_BASE = '/app';

const NONCE_BYTES = 16;
const NONCE_PLACE = '__CSP_NONCE__';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

type File = Readonly<{ type: string; bytes: Buffer; encoded: Readonly<Partial<Record<'br' | 'gzip', Buffer>>> }>;
type Built = Readonly<{ page: string; files: ReadonlyMap<string, File> }>;

const load = (folder: string): Built | undefined => {
  if (!existsSync(`${folder}index.html`) || !existsSync(`${folder}build.json`)) return undefined;
  const names = readdirSync(`${folder}assets`);
  const read = (name: string): Buffer | undefined =>
    names.includes(name) ? readFileSync(`${folder}assets/${name}`) : undefined;
  const files = names.flatMap((name) => {
    const type = TYPES[extname(name)];
    const bytes = read(name);
    if (type === undefined || bytes === undefined) return [];
    const [br, gzip] = [read(`${name}.br`), read(`${name}.gz`)];
    return [[`/assets/${name}`, { type, bytes, encoded: { ...(br && { br }), ...(gzip && { gzip }) } }] as const];
  });
  return { page: readFileSync(`${folder}index.html`, 'utf8'), files: new Map(files) };
};

/**
 * Styles that parts of the console make while it runs carry the nonce of the page; scripts are files of ours, and
 * nothing is loaded from elsewhere.
 */
const policyOf = (nonce: string): string =>
  [
    "default-src 'self'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

const sendPage = ({ page }: Built, response: Response): void => {
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  response.setHeader('content-security-policy', policyOf(nonce));
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-frame-options', 'DENY');
  response.type('html').send(page.replaceAll(NONCE_PLACE, nonce));
};

const sendFile = (file: File, request: Request, response: Response): void => {
  response.setHeader('content-type', file.type);
  response.setHeader('cache-control', 'public, max-age=31536000, immutable');
  response.setHeader('vary', 'accept-encoding');
  const accepted = request.acceptsEncodings(['br', 'gzip']);
  const encoded = accepted === 'br' || accepted === 'gzip' ? file.encoded[accepted] : undefined;
  if (encoded) response.setHeader('content-encoding', String(accepted));
  response.end(encoded ?? file.bytes);
};

/** Whether a console was built: then it is at `/app`. */
export const isConsoleBuilt = (folder = BUILT): boolean => existsSync(`${folder}build.json`);

/**
 * Serves the built console below `/app`, from memory: its page at every path of it, with a nonce of its own in each
 * response, and its files, which may be kept for ever. @throws Problem 404 for a file that is not there, or where no
 * console was built
 */
export const serveConsole = (folder = BUILT): ((request: Request, response: Response, next: NextFunction) => void) => {
  const built = load(folder);
  return (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return next();
    const missing = (why: string): void => next(new Problem('not_found', why));
    if (!built) return missing('No console was built here: run "npm run build" where the sources are.');
    const file = built.files.get(request.path);
    if (file) return sendFile(file, request, response);
    if (request.path.startsWith('/assets/')) return missing('The console has no such file; load the page again.');
    return sendPage(built, response);
  };
};
