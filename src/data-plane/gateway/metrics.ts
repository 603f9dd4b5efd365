import { Counter, Gauge, type Registry } from 'prom-client';
import { HotCounter, HotHistogram } from '../../platform/runtime/hot-metrics.js';

/** Numbers of the data plane. No label names an organization, a grant or a tool. */
export const makeGatewayMetrics = (registry: Registry, openStreams: () => number) => ({
  unauthenticated: new Counter({
    name: 'toolgate_unauthenticated_requests_total',
    help: 'Requests to /mcp without a valid grant token',
    registers: [registry],
  }),
  decisions: new HotCounter(registry, {
    name: 'toolgate_decisions_total',
    help: 'Decisions by effect and code',
    labelNames: ['effect', 'code'],
  }),
  droppedEvents: new HotCounter(registry, {
    name: 'toolgate_dropped_events_total',
    help: 'Events of MCP servers that did not go on to a client, by reason',
    labelNames: ['reason'],
  }),
  outcomes: new HotCounter(registry, {
    name: 'toolgate_outcomes_total',
    help: 'Ends of allowed calls by status',
    labelNames: ['status'],
  }),
  enforceSeconds: new HotHistogram(registry, {
    name: 'toolgate_enforce_seconds',
    help: 'From the parsed call to the recorded decision',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  }),
  openStreams: new Gauge({
    name: 'toolgate_open_streams',
    help: 'Open event streams to clients',
    registers: [registry],
    collect() {
      this.set(openStreams());
    },
  }),
});

export type GatewayMetrics = ReturnType<typeof makeGatewayMetrics>;
