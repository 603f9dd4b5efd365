import { startInterval } from '../platform/runtime/guard.js';
import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import pg from 'pg';
import type { Config } from '../platform/settings/config.js';
import { within } from '../platform/runtime/within.js';

type Service = Readonly<{ host: string; port: number }>;
type Resolve = (host: string) => Promise<readonly string[]>;

const REFRESH_MS = 30_000;
const LOOKUP_MS = 2000;

const resolveName: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

const mailServiceOf = (text: string): Service => {
  const url = new URL(text);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (url.protocol === 'smtps:' ? 465 : 587)),
  };
};

/** The database, the brokers and the mail server of this installation, by the names that the operator gave. */
export const servicesOf = (config: Pick<Config, 'kafka' | 'mail'>, databaseUrl: string): readonly Service[] => {
  const { host, port } = new pg.Client({ connectionString: databaseUrl });
  const brokers = (config.kafka?.brokers ?? []).map((broker) => ({
    host: broker.slice(0, broker.lastIndexOf(':')),
    port: Number(broker.slice(broker.lastIndexOf(':') + 1)),
  }));
  // A host that begins with a slash is the folder of a Unix socket, which no URL leads to.
  return [{ host, port }, ...brokers, ...(config.mail ? [mailServiceOf(config.mail.url)] : [])].filter(
    ({ host }) => !host.startsWith('/'),
  );
};

const placeOf = (address: string, port: number): string => `${ipaddr.process(address).toString()} ${port}`;

/**
 * Where the services of this installation are reached, so that no server or webhook of a tenant leads there, whatever
 * UPSTREAM_ALLOW says. Names are looked up at the start and every 30 s; one that can't be looked up keeps the addresses
 * that it had.
 */
export class OwnServices {
  readonly #services: readonly Service[];
  readonly #resolve: Resolve;
  readonly #places = new Map<Service, readonly string[]>();
  readonly #timer: NodeJS.Timeout;

  private constructor(services: readonly Service[], resolve: Resolve) {
    this.#services = services;
    this.#resolve = resolve;
    this.#timer = startInterval('own_services', REFRESH_MS, () => this.refresh()).unref();
  }

  /** Resolves when each name was looked up, or after 2 s. */
  static async find(services: readonly Service[], resolve: Resolve = resolveName): Promise<OwnServices> {
    const found = new OwnServices(services, resolve);
    await within(found.refresh(), LOOKUP_MS);
    return found;
  }

  async refresh(): Promise<void> {
    await Promise.all(
      this.#services.map(async (service) => {
        const addresses = await this.#resolve(service.host).catch(() => []);
        if (addresses.length > 0)
          this.#places.set(
            service,
            addresses.map((address) => placeOf(address, service.port)),
          );
      }),
    );
  }

  /** Whether an IP address and a port are those of a service. */
  readonly has = (address: string, port: number): boolean => {
    const place = placeOf(address, port);
    for (const places of this.#places.values()) if (places.includes(place)) return true;
    return false;
  };

  stop(): void {
    clearInterval(this.#timer);
  }
}
