import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  bigintArray,
  byteaArray,
  intArray,
  textArray,
  timestamptzArray,
} from '../../../src/platform/postgres/pg-arrays.js';
import { testDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await testDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const read = async (type: string, bytes: Buffer): Promise<unknown> =>
  (await client.query<{ value: unknown }>(`select to_json($1::${type}[]) as value`, [bytes])).rows[0]?.value;

const text = fc.string({ unit: 'grapheme' }).map((one) => one.replaceAll('\0', ''));
const safe = fc.maxSafeInteger();
const ms = fc.integer({ min: Date.UTC(1970, 0), max: Date.UTC(9000, 0) });

test('PostgreSQL reads every array as it was written, empty ones too', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(text)),
      fc.array(fc.integer()),
      fc.array(safe),
      fc.array(fc.uint8Array()),
      fc.array(ms),
      async (texts, ints, bigints, bytes, times) => {
        expect(await read('text', textArray(texts))).toEqual(texts);
        expect(await read('int', intArray(ints))).toEqual(ints);
        expect(await read('bigint', bigintArray(bigints))).toEqual(bigints.map((one) => one + 0));
        expect(await read('bytea', byteaArray(bytes.map((one) => Buffer.from(one))))).toEqual(
          bytes.map((one) => `\\x${Buffer.from(one).toString('hex')}`),
        );
        expect(
          ((await read('timestamptz', timestamptzArray(times))) as string[]).map((one) => Date.parse(one)),
        ).toEqual(times);
      },
    ),
    { numRuns: 60 },
  );
});

test('a text is stored as UTF-8 stores it, half a surrogate pair as the replacement character', async () => {
  expect(await read('text', textArray(['\ud800x', '😀', 'é', '']))).toEqual(['\ufffdx', '😀', 'é', '']);
});
