import { makeNameLookups } from '../platform/outbound/name-lookups.js';
import { makeOutbound, type Outbound } from '../platform/outbound/outbound.js';
import { readProxy } from '../platform/outbound/proxy.js';
import { environment, type Config } from '../platform/settings/config.js';
import { OwnServices, servicesOf } from './own-services.js';

/** The guard of outside addresses, to which our own port is known once we listen. */
export const openOutbound = async (
  config: Config,
  databaseUrl: string,
  own: Readonly<{ port: number }>,
): Promise<Readonly<{ outbound: Outbound; stop: () => Promise<void> }>> => {
  const services = await OwnServices.find(servicesOf(config, databaseUrl));
  const databasePort = Number(new URL(databaseUrl).port || 5432);
  const outbound = makeOutbound(
    { allow: config.upstreamAllow, ownPorts: () => [own.port, databasePort], isOwnService: services.has },
    {
      lookup: makeNameLookups({ threads: Number(environment()['UV_THREADPOOL_SIZE'] ?? 4) }),
      proxy: readProxy(config.proxy?.url, config.proxy?.except ?? []),
    },
  );
  return { outbound, stop: async () => services.stop() };
};
