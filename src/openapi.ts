import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { readFile, writeFile } from 'node:fs/promises';
import { AppModule, type Parts } from './app.module.js';
import { EventStore } from './event-log/event-store.js';
import { makeHttpClient } from './http-client/http-client.js';
import { readConfig } from './platform/config.js';
import { Database } from './platform/database.js';
import { errorText } from './platform/log.js';
import { openApiDocument } from './rest/openapi.js';
import { makeOutbound } from './platform/outbound.js';
import { Vault } from './platform/vault.js';
import { openTransports } from './channels/transports.js';

const FILE = new URL('../openapi/toolgate.json', import.meta.url);

/** Parts that the routes are declared over; a preview makes no provider, so that none of them is used. */
const unusedParts = (): Parts => {
  const database = new Database('postgres://127.0.0.1:1/none');
  const outbound = makeOutbound({ allow: [], ownPorts: () => [] });
  return {
    config: readConfig({}),
    database,
    store: new EventStore(database),
    vault: new Vault(Buffer.alloc(32)),
    outbound,
    forward: openTransports({ http: makeHttpClient(outbound.connector), allowStdio: [], environment: {}, stillGood: () => true }).forward,
    publicUrl: () => 'http://127.0.0.1:8080',
  };
};

const byKey = (left: readonly [string, unknown], right: readonly [string, unknown]): number => (left[0] < right[0] ? -1 : 1);

/** The same value with the keys of its objects in code-unit order, so that the order in which rooms are imported does not show. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).toSorted(byKey).map(([key, inner]) => [key, sorted(inner)]));
};

/** `npm run openapi`: writes openapi/toolgate.json from the routes' decorators; with `--check` only compares, and fails when it is stale. */
const main = async (): Promise<void> => {
  const app = await NestFactory.create(AppModule.with(unusedParts()), { preview: true, logger: false, abortOnError: false });
  const text = `${JSON.stringify(sorted(openApiDocument(app)), null, 2)}\n`;
  if (!process.argv.includes('--check')) return writeFile(FILE, text);
  const now = await readFile(FILE, 'utf8').catch(() => '');
  if (now !== text) throw new Error('openapi/toolgate.json is stale: run "npm run openapi" and commit it');
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(1);
  },
);
