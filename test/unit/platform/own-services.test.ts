import { afterEach, describe, expect, test } from 'vitest';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';
import { OwnServices, servicesOf } from '../../../src/app/own-services.js';

const CONFIG = {
  kafka: {
    brokers: ['kafka-1.internal:9092', '10.0.0.9:9093'],
    replication: undefined,
    ssl: false,
    caFile: undefined,
    sasl: undefined,
  },
  mail: { url: 'smtps://user:pass@mail.internal', from: 'a@b.example' },
};
const ADDRESSES: Record<string, readonly string[]> = {
  'db.internal': ['10.0.0.7', 'fd00::7'],
  'kafka-1.internal': ['10.0.0.8'],
  '10.0.0.9': ['10.0.0.9'],
  'mail.internal': ['10.0.0.5'],
};

let services: OwnServices | undefined;
afterEach(() => services?.stop());

const everywhere = async (): Promise<ReturnType<typeof makeOutbound>> => {
  services = await OwnServices.find(
    servicesOf(CONFIG, 'postgres://u:p@db.internal:6543/x'),
    async (host) => ADDRESSES[host] ?? [],
  );
  return makeOutbound(
    { allow: ['0.0.0.0/0', '::/0'], ownPorts: () => [], isOwnService: services.has },
    {
      lookup: (host, _options, done) =>
        done(
          null,
          (ADDRESSES[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
    },
  );
};

describe('the database, the brokers and the mail server', () => {
  test.each([
    'http://10.0.0.7:6543/',
    'http://[fd00::7]:6543/',
    'http://[::ffff:10.0.0.7]:6543/',
    'http://10.0.0.8:9092/',
    'http://10.0.0.9:9093/',
    'https://10.0.0.5:465/',
  ])(
    'the database, the brokers and the mail server are own ports to every URL, also inside UPSTREAM_ALLOW: %s',
    async (url) => expect((await everywhere()).check(url)).toMatchObject({ ok: false, code: 'own_port' }),
  );
  test('the database, the brokers and the mail server are so by any name that leads to them', async () => {
    const outbound = await everywhere();
    for (const url of ['http://db.internal:6543/', 'http://kafka-1.internal:9092/', 'https://mail.internal:465/'])
      expect(await outbound.resolve(new URL(url))).toMatchObject({ ok: false, code: 'own_port' });
  });
  test('leave other ports of their hosts, and their ports on other hosts, to UPSTREAM_ALLOW', async () => {
    const outbound = await everywhere();
    for (const url of ['http://10.0.0.7:8080/', 'http://10.0.0.10:6543/'])
      expect(outbound.check(url)).toMatchObject({ ok: true });
  });
  test(
    'the database, the brokers and the mail server are followed when their names lead ' +
      'elsewhere, and keep their addresses while a name can not be ' +
      'looked up',
    async () => {
      let now: readonly string[] = ['10.0.0.7'];
      services = await OwnServices.find(
        servicesOf({ kafka: undefined, mail: undefined }, 'postgres://u@db.internal/x'),
        async () => now,
      );
      now = [];
      await services.refresh();
      expect(services.has('10.0.0.7', 5432)).toBe(true);
      now = ['10.0.0.17'];
      await services.refresh();
      expect([services.has('10.0.0.17', 5432), services.has('10.0.0.7', 5432)]).toEqual([true, false]);
    },
  );
  test('the database, the brokers and the mail server are none where the database is a Unix socket', () =>
    expect(servicesOf({ kafka: undefined, mail: undefined }, 'postgres://u@%2Fvar%2Frun/x')).toEqual([]));
});
