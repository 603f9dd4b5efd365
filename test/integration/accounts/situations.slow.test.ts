import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseIn } from '../../support/database.js';
import { startTestToolgate, type TestToolgate } from '../../support/toolgate.js';
import { SITUATIONS, stepsAt } from './situations.js';

test('there is a right answer for at least 30 situations of accounts', () =>
  expect(SITUATIONS.length).toBeGreaterThanOrEqual(30));

/** Of Turkish, in which the lower case of I is not i, so that what the database lowers differs. */
const TURKISH = `locale_provider icu icu_locale 'tr-TR'`;

describe.each([
  ['C, as the embedded one has it', undefined],
  ['Turkish', TURKISH],
])('on a database whose locale is %s', (_name, locale) => {
  let toolgate: TestToolgate;
  let drop = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    const database = locale === undefined ? undefined : await databaseIn(locale);
    drop = database?.drop ?? drop;
    toolgate = await startTestToolgate(database ? { DATABASE_URL: database.url } : {});
  }, 60_000);
  afterAll(async () => {
    await toolgate.close();
    await drop();
  });

  test.each(SITUATIONS)('an account %s', async (_situation, answer, bringAbout) =>
    expect(await bringAbout(stepsAt({ url: toolgate.url, db: toolgate.db }))).toEqual(answer),
  );
});
