import type { Registry } from 'prom-client';
import { tellAlarm } from '../control-plane/notifications/alarms.js';
import { startStreams, type StreamsRole } from '../record/log-streams/delivery/streams-role.js';
import { startStreamWatch } from '../record/log-streams/delivery/watch.js';
import type { Parts } from './app.module.js';

/**
 * The `streams` role sends; and wherever alarms are told from, or streams run, somebody watches that they do. `onStop`
 * takes what stops them.
 */
export const startLogStreams = (
  { config, database: db, store, vault, outbound }: Parts,
  metrics: Registry,
  onStop: (stop: () => Promise<void>) => void,
): StreamsRole | undefined => {
  if (config.roles.has('api') || config.roles.has('streams')) onStop(startStreamWatch({ db, store, tellAlarm }).stop);
  if (!config.roles.has('streams')) return undefined;
  const streams = startStreams({ db, store, vault, outbound, tellAlarm, metrics });
  store.onCommitted(() => streams.wake());
  onStop(streams.stop);
  return streams;
};
