import { readForeignJson } from '../../platform/json/foreign-json.js';
import { isObject } from '../../platform/json/json-object.js';
import type { Outbound } from '../../platform/outbound/outbound.js';
import { readText } from '../../platform/outbound/read-text.js';
import { acceptedMetadata } from './registration.js';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 64 * 1024;

/**
 * The metadata document of a client (draft-ietf-oauth-client-id-metadata-document), through the guard of outside
 * addresses: within 5 s, at most 64 KiB, no redirect. It says of the client what a registration would, and no more.
 */
export const fetchClientDocument = async (outbound: Pick<Outbound, 'fetch'>, url: string): Promise<Response> => {
  const response = await outbound.fetch(url, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    return new Response(null, { status: 502 });
  }
  const text = await readText(response, MAX_BYTES);
  if (text === undefined) throw new Error('a client document takes at most 64 KiB');
  const parsed = readForeignJson(text);
  if (!parsed.ok || !isObject(parsed.value)) throw new Error('a client document is one JSON object');
  const kept = { ...acceptedMetadata(parsed.value), client_id: parsed.value['client_id'] };
  const headers = ['cache-control', 'expires'].flatMap((name): [string, string][] => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return new Response(JSON.stringify(kept), { headers });
};
