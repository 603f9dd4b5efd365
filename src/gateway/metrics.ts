import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Numbers of the data plane. No label names an organization, a grant or a tool. */
export const makeGatewayMetrics = (registry: Registry, openStreams: () => number) => ({
  unauthenticated: new Counter({ name: 'toolgate_unauthenticated_requests_total', help: 'Requests to /mcp without a valid grant token', registers: [registry] }),
  decisions: new Counter({ name: 'toolgate_decisions_total', help: 'Decisions by effect and code', labelNames: ['effect', 'code'], registers: [registry] }),
  outcomes: new Counter({ name: 'toolgate_outcomes_total', help: 'Ends of allowed calls by status', labelNames: ['status'], registers: [registry] }),
  enforceSeconds: new Histogram({
    name: 'toolgate_enforce_seconds',
    help: 'From the parsed call to the recorded decision',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
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
