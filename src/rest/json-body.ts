import express, { type Request, type RequestHandler } from 'express';
import { Problem } from '../platform/problems.js';
import type { WithPrincipal } from './allowed.js';
import { toProblem } from './problem-filter.js';

const MOST_LEVELS = 64;
const JSON_TYPE = /^\s*application\/json\s*(;|$)/i;
const OTHER_CHARSET = /;\s*charset\s*=\s*(?!"?utf-8"?\s*(;|$))/i;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/gs;

const unreadable = (detail: string): Problem => new Problem('invalid_body', detail);

/** How many members the objects of a value have, all together; undefined when it is nested too deep. */
const membersIn = (value: unknown, levels: number): number | undefined => {
  if (typeof value !== 'object' || value === null) return 0;
  if (levels === 0) return undefined;
  const inside: readonly unknown[] = Object.values(value);
  let members = Array.isArray(value) ? 0 : inside.length;
  for (const one of inside) {
    const found = membersIn(one, levels - 1);
    if (found === undefined) return undefined;
    members += found;
  }
  return members;
};

/** What the text says has a colon for each member; of two with one name the parser keeps the last. */
const membersOf = (text: string): number => text.replaceAll(STRING, '').split(':').length - 1;

/** @throws Problem `invalid_body` for what is not one JSON object or list that all parsers read alike. */
const readJson = (body: Buffer, contentType = ''): unknown => {
  if (!JSON_TYPE.test(contentType) || OTHER_CHARSET.test(contentType)) throw unreadable('Send well-formed JSON with Content-Type: application/json.');
  const text = body.toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable('Send well-formed JSON with Content-Type: application/json.');
  }
  if (typeof value !== 'object' || value === null) throw unreadable('Send a JSON object.');
  const members = membersIn(value, MOST_LEVELS);
  if (members === undefined) throw unreadable(`Send JSON of at most ${MOST_LEVELS} levels.`);
  if (members !== membersOf(text)) throw unreadable('Send each member of an object once: of two with one name, only one would count.');
  return value;
};

const bodyOf = (request: Request): unknown => {
  const body: unknown = request.body;
  return Buffer.isBuffer(body) && body.length > 0 ? readJson(body, request.headers['content-type']) : undefined;
};

const readBytes = express.raw({ limit: '1mb', type: () => true });

/**
 * Reads a body of at most 1 MiB of JSON into `request.body`; an empty one is none. One that can't be read is no answer yet, as who may not ask is told that
 * first: it becomes `request.unreadable`, which the guard throws once it knows who asks.
 */
export const jsonBody: RequestHandler = (request: WithPrincipal, response, next) => {
  readBytes(request, response, (error?: unknown) => {
    try {
      if (error !== undefined) throw error;
      request.body = bodyOf(request);
    } catch (caught) {
      request.body = undefined;
      request.unreadable = toProblem(caught);
    }
    next();
  });
};
