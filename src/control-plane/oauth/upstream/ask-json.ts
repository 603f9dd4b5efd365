import { readForeignJson } from '../../../platform/json/foreign-json.js';
import { isObject, type Json } from '../../../platform/json/json-object.js';
import type { Outbound } from '../../../platform/outbound/outbound.js';
import { readText } from '../../../platform/outbound/read-text.js';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 64 * 1024;

/** An answer of an authorization server: `body` is undefined for what is not one JSON object of at most 64 KiB. */
export type JsonAnswer = Readonly<{ status: number; body: Json | undefined; headers: Headers }>;

const bodyOf = async (response: Response): Promise<Json | undefined> => {
  const text = await readText(response, MAX_BYTES);
  const read = text === undefined ? undefined : readForeignJson(text);
  return read?.ok && isObject(read.value) ? read.value : undefined;
};

/**
 * Asks a server outside, through the guard of outside addresses, within 5 s. Follows no redirect. @throws Error when it
 * can't be reached, or may not be
 */
export const askJson = async (
  outbound: Pick<Outbound, 'fetch'>,
  url: string,
  init: RequestInit = {},
): Promise<JsonAnswer> => {
  const headers = { accept: 'application/json', ...(init.headers as Readonly<Record<string, string>>) };
  const response = await outbound.fetch(url, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: response.status, body: await bodyOf(response), headers: response.headers };
};

/** A text member of a foreign object. */
export const textOf = (body: Json | undefined, name: string): string | undefined => {
  const value = body?.[name];
  return typeof value === 'string' && value !== '' && value.length <= 8192 ? value : undefined;
};

/** The texts of a list of a foreign object. */
export const textsOf = (body: Json | undefined, name: string): readonly string[] => {
  const value = body?.[name];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string').slice(0, 100) : [];
};
