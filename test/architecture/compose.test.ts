import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/platform/settings/config.js';
import { settings } from '../../src/platform/settings/settings.js';

type Service = Readonly<{
  image?: string;
  build?: unknown;
  profiles?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  ports?: readonly string[];
  volumes?: readonly string[];
  networks?: readonly string[];
  healthcheck?: Readonly<{ test: readonly string[] }>;
  depends_on?: Readonly<Record<string, Readonly<{ condition: string }>>>;
  read_only?: boolean;
}>;
type Compose = Readonly<{
  services: Readonly<Record<string, Service>>;
  volumes: Readonly<Record<string, unknown>>;
  networks: Readonly<Record<string, Readonly<{ internal?: boolean }> | null>>;
}>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const toolgates = services.filter(([, { build }]) => build !== undefined);

const SECRETS: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: 'a1b2c3',
  MASTER_KEY: Buffer.alloc(32, 3).toString('base64'),
};

/** What Compose makes of a value (Compose specification, "Interpolation"); a missing required variable throws. */
const interpolate = (value: string, env: Readonly<Record<string, string>>): string =>
  value.replace(
    /\$\$|\$\{(\w+)(?:(:?[-?])([^}]*))?\}/g,
    (all, name: string | undefined, operator: string | undefined, word: string | undefined) => {
      if (name === undefined) return all === '$$' ? '$' : all;
      const known = env[name];
      if (known !== undefined && (known !== '' || !operator?.startsWith(':'))) return known;
      if (operator?.endsWith('?')) throw new Error(`${name}: ${word}`);
      return word ?? '';
    },
  );

const environmentOf = (service: Service, env: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [name, interpolate(String(value), env)]),
  );

const startedWith = (profile: string | undefined): readonly (readonly [string, Service])[] =>
  services.filter(([, { profiles }]) => !profiles || (profile !== undefined && profiles.includes(profile)));

const rolesOf = (entries: readonly (readonly [string, Service])[]): readonly string[] =>
  entries
    .filter(([, { build }]) => build !== undefined)
    .map(([, { environment }]) => environment?.ROLES ?? 'all')
    .toSorted();

describe('docker-compose.yml', () => {
  test('without a profile starts PostgreSQL 18, Kafka 4 and one Toolgate with all roles', () => {
    expect(
      startedWith(undefined)
        .map(([name]) => name)
        .toSorted(),
    ).toEqual(['kafka', 'postgres', 'toolgate']);
    expect(compose.services.postgres?.image).toMatch(/^postgres:18(\.|$)/);
    expect(compose.services.kafka?.image).toMatch(/^apache\/kafka:4\./);
    expect(rolesOf(startedWith(undefined))).toEqual(['all']);
  });

  test('with the profile `scale` starts every role on its own, gateway and projector twice, behind one door', () => {
    const scale = startedWith('scale').filter(([, { profiles }]) => profiles);
    expect(rolesOf(scale)).toEqual(['api', 'gateway', 'gateway', 'projector', 'projector', 'streams']);
    expect(scale.map(([name]) => name)).toContain('door');
  });

  test('has all roles of one scale on the same database, log, key and public URL', () => {
    const shared = toolgates
      .filter(([, { profiles }]) => profiles)
      .map(([, service]) => {
        const { ROLES: _roles, ...rest } = environmentOf(service, SECRETS);
        return rest;
      });
    expect(new Set(shared.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(shared[0]).toMatchObject({
      DATABASE_URL: expect.stringContaining('@postgres:5432/'),
      KAFKA_BROKERS: 'kafka:9092',
    });
  });

  test.each(toolgates)(
    'sets on %s only variables of the settings table, with values that are accepted',
    (_name, service) => {
      const env = environmentOf(service, SECRETS);
      expect(Object.keys(env).filter((name) => !Object.hasOwn(settings, name))).toEqual([]);
      const config = readConfig(env);
      expect(config).toMatchObject({
        host: '0.0.0.0',
        port: 8080,
        signup: 'first',
        upstreamAllow: [],
        databaseUrl: 'postgres://toolgate:a1b2c3@postgres:5432/toolgate',
        kafka: { brokers: ['kafka:9092'], replication: 1 },
      });
    },
  );

  test.each(Object.keys(SECRETS))('does not start without %s, and says what it takes', (name) => {
    const { [name]: _left, ...others } = SECRETS;
    for (const env of [others, { ...others, [name]: '' }]) {
      expect(() => services.map(([, service]) => environmentOf(service, env))).toThrow(
        new RegExp(`^${name}: .*openssl rand`),
      );
    }
  });

  test('holds no credential: what sounds like one is a variable that must be given', () => {
    for (const [, { environment }] of services) {
      for (const [name, value] of Object.entries(environment ?? {})) {
        if (/PASSWORD|SECRET|TOKEN|MASTER_KEY$/.test(name)) expect(value).toMatch(/^\$\{\w+:\?[^}]+\}$/);
        expect(String(value)).not.toMatch(/:\/\/[^/@$]*:[^@$]+@/);
      }
    }
    expect(text).not.toContain('env_file');
  });

  test('publishes ports on loopback only, and neither the database nor Kafka', () => {
    for (const [name, { ports = [] }] of services) {
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    }
    for (const name of ['postgres', 'kafka']) {
      expect(compose.services[name]?.ports).toBeUndefined();
      expect(compose.services[name]?.networks?.every((network) => compose.networks[network]?.internal)).toBe(true);
    }
    expect(new Set(services.flatMap(([, { ports = [] }]) => ports.map((port) => port.split(':')[1]))).size).toBe(
      services.flatMap(([, { ports = [] }]) => ports).length,
    );
  });

  test('watches the health of every service, and waits for it before what depends on it', () => {
    for (const [name, service] of services) {
      expect(service.healthcheck?.test[0], name).toBe('CMD');
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(compose.services)).toContain(needed);
        expect(condition).toBe('service_healthy');
      }
    }
    for (const [, service] of toolgates)
      expect(Object.keys(service.depends_on ?? {})).toEqual(expect.arrayContaining(['postgres', 'kafka']));
  });

  test('keeps what must last in named volumes, and lets Toolgate write nowhere else', () => {
    const used = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]));
    expect(used.toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
    for (const [name, service] of toolgates) expect(service.read_only, name).toBe(true);
  });

  test('names only networks that exist', () => {
    for (const [name, { networks = [] }] of services)
      for (const network of networks) expect(Object.keys(compose.networks), name).toContain(network);
  });
});

type Instruction = Readonly<{ word: string; rest: string; stage: number }>;

const dockerfile = ((): readonly Instruction[] => {
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  let stage = -1;
  return lines.map((line) => {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(\S.*)$/.exec(line) ?? [];
    if (word === 'FROM') stage += 1;
    return { word, rest, stage };
  });
})();
const last = Math.max(...dockerfile.map(({ stage }) => stage));
const inLast = (word: string): readonly string[] =>
  dockerfile.filter((one) => one.word === word && one.stage === last).map(({ rest }) => rest);
const command = (exec: string | undefined): readonly string[] => JSON.parse(exec ?? 'null') as readonly string[];

describe('Dockerfile', () => {
  test('has only instructions that exist, begins with FROM, and ends in a stage without build tools', () => {
    const known = [
      'FROM',
      'RUN',
      'CMD',
      'EXPOSE',
      'ENV',
      'COPY',
      'ENTRYPOINT',
      'VOLUME',
      'USER',
      'WORKDIR',
      'ARG',
      'HEALTHCHECK',
      'LABEL',
      'STOPSIGNAL',
    ];
    expect(dockerfile.filter(({ word }) => !known.includes(word))).toEqual([]);
    expect(dockerfile[0]?.word).toBe('FROM');
    expect(last).toBeGreaterThan(0);
    for (const { rest } of dockerfile.filter(({ word }) => word === 'FROM'))
      expect(rest).toMatch(/^node:(20|22|24)-slim\b/);
  });

  test('copies only what exists, from the context or from a stage', () => {
    const stages = dockerfile.filter(({ word }) => word === 'FROM').map(({ rest }) => / AS (\w+)$/.exec(rest)?.[1]);
    const ignore = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    for (const { rest } of dockerfile.filter(({ word }) => word === 'COPY')) {
      const from = /^--from=(\w+)\s/.exec(rest)?.[1];
      if (from !== undefined) {
        expect(stages).toContain(from);
        continue;
      }
      for (const source of rest.split(/\s+/).slice(0, -1)) {
        expect(existsSync(join(root, source)), source).toBe(true);
        expect(ignore, 'sent to the builder').toContain(`!${source}`);
      }
    }
  });

  test('installs from the lock file and without what is for development', () => {
    const install = dockerfile.find(({ word, rest }) => word === 'RUN' && rest.includes('npm'));
    expect(install?.rest).toMatch(/npm ci --omit=dev/);
    expect(
      dockerfile.findIndex(({ word, rest }) => word === 'ENV' && rest.includes('NODE_ENV=production')),
    ).toBeLessThan(dockerfile.indexOf(install!));
  });

  test('runs the built product as a user without rights', () => {
    expect(inLast('USER')).toEqual(['node']);
    const program = command(inLast('CMD')[0]).at(-1) ?? '';
    expect(existsSync(join(root, program.replace(/^dist/, 'src').replace(/\.js$/, '.ts'))), program).toBe(true);
  });

  test(
    'sets only variables of the settings table and of Node, which listen on every address and keep ' +
      'data in the volume',
    () => {
      const env = Object.fromEntries(
        inLast('ENV')
          .flatMap((line) => line.split(/\s+/))
          .map((pair) => pair.split('=') as [string, string]),
      );
      expect(
        Object.keys(env).filter(
          (name) => !['NODE_ENV', 'UV_THREADPOOL_SIZE'].includes(name) && !Object.hasOwn(settings, name),
        ),
      ).toEqual([]);
      expect(env.NODE_ENV).toBe('production');
      expect(readConfig(env)).toMatchObject({ host: '0.0.0.0', port: 8080, dataDir: '/data' });
      expect(command(inLast('VOLUME')[0])).toEqual(['/data']);
    },
  );

  test('asks /healthz for its health: up when it answers 200, not up when it does not', async () => {
    const [check = ''] = inLast('HEALTHCHECK');
    const [program = '', ...args] = command(check.slice(check.indexOf('CMD ') + 4));
    expect(program).toBe('node');
    const asked: string[] = [];
    let status = 200;
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(status).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const exit = (): Promise<number | null> =>
      new Promise((done) => {
        spawn(process.execPath, args, { env: { ...process.env, PORT: String(port) }, stdio: 'ignore' }).once(
          'close',
          done,
        );
      });
    expect(await exit()).toBe(0);
    status = 503;
    expect(await exit()).toBe(1);
    await new Promise((done) => server.close(done));
    expect(await exit()).toBe(1);
    expect(asked).toEqual(['/healthz', '/healthz']);
  });
});
