import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { readFile, writeFile } from 'node:fs/promises';
import { AppModule, type Parts } from './app/app.module.js';
import { EventStore } from './record/event-store/event-store.js';
import { makeHttpClient } from './mcp/http-client/http-client.js';
import { readConfig } from './platform/settings/config.js';
import { Database } from './platform/postgres/database.js';
import { errorText } from './platform/runtime/log.js';
import { policySchema } from './policy-engine/policy-schema.js';
import { openApiDocument } from './platform/rest/openapi.js';
import { makeOutbound } from './platform/outbound/outbound.js';
import { Vault } from './platform/crypto/vault.js';
import { OpenSessions } from './mcp/transports/open-sessions.js';
import { openTransports } from './mcp/transports/transports.js';

/** Parts that the routes are declared over; a preview makes no provider, so that none of them is used. */
const unusedParts = (): Parts => {
  const database = new Database('postgres://127.0.0.1:1/none');
  const stdio = { allow: [], variables: [], environment: {}, isolation: undefined };
  const outbound = makeOutbound({ allow: [], ownPorts: () => [] });
  return {
    config: readConfig({}),
    database,
    store: new EventStore(database),
    vault: new Vault(Buffer.alloc(32)),
    outbound,
    forward: openTransports({ http: makeHttpClient(outbound.connector), stdio, isGrantActive: () => true }).forward,
    stdio,
    openSessions: new OpenSessions(),
    publicUrl: () => 'http://127.0.0.1:8080',
  };
};

const byKey = (left: readonly [string, unknown], right: readonly [string, unknown]): number =>
  left[0] < right[0] ? -1 : 1;

/**
 * The same value with the keys of its objects in code-unit order, so that the order in which rooms are imported does
 * not show.
 */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(byKey)
      .map(([key, inner]) => [key, sorted(inner)]),
  );
};

const FOLDER = new URL('../openapi/', import.meta.url);

const textOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Writes a file of `openapi/`, or with `--check` only compares it. */
const put = async (name: string, text: string): Promise<void> => {
  const file = new URL(name, FOLDER);
  if (!process.argv.includes('--check')) return writeFile(file, text);
  if ((await readFile(file, 'utf8').catch(() => '')) !== text)
    throw new Error(`openapi/${name} is stale: run "npm run openapi" and commit it`);
};

/**
 * `npm run openapi`: writes openapi/toolgate.json from the routes' decorators, and the JSON Schema of policies beside
 * it; with `--check` fails when one is stale.
 */
const main = async (): Promise<void> => {
  const app = await NestFactory.create(AppModule.with(unusedParts()), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  await put('toolgate.json', textOf(sorted(openApiDocument(app))));
  await put('policy-v1.json', textOf(policySchema));
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(1);
  },
);
