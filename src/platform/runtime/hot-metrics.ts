import { Counter, type Metric, type Registry } from 'prom-client';

type Named<L extends string> = Readonly<{ name: string; help: string; labelNames: readonly [L, L?] }>;
type Count<L extends string> = { readonly labels: Readonly<Record<L, string>>; count: number };

/**
 * A counter with one or two labels for what happens thousands of times a second: prom-client sorts, joins and hashes
 * the labels on every call, here it does so when it is scraped.
 */
export class HotCounter<L extends string> {
  readonly #first: L;
  readonly #second: L | undefined;
  readonly #counts = new Map<string, Map<string, Count<L>>>();

  constructor(registry: Registry, { name, help, labelNames }: Named<L>) {
    [this.#first, this.#second] = labelNames;
    const counts = this.#counts;
    registry.registerMetric(
      new Counter({
        name,
        help,
        labelNames: labelNames.filter((label) => label !== undefined),
        registers: [],
        collect() {
          this.reset();
          for (const inner of counts.values()) for (const { labels, count } of inner.values()) this.inc(labels, count);
        },
      }),
    );
  }

  inc(labels: Readonly<Record<L, string>>): void {
    const first = labels[this.#first];
    const second = this.#second === undefined ? '' : labels[this.#second];
    let inner = this.#counts.get(first);
    if (!inner) this.#counts.set(first, (inner = new Map<string, Count<L>>()));
    const known = inner.get(second);
    if (known) known.count += 1;
    else inner.set(second, { labels: { ...labels }, count: 1 });
  }
}

/** A histogram of seconds without labels, for the same places. */
export class HotHistogram {
  readonly #buckets: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(
    registry: Registry,
    { name, help, buckets }: Readonly<{ name: string; help: string; buckets: readonly number[] }>,
  ) {
    this.#buckets = buckets;
    this.#counts = Array.from({ length: buckets.length + 1 }, () => 0);
    const metric = {
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      get: () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: this.#values(name) }),
    };
    // All that a registry asks of a metric; the type wants the class.
    registry.registerMetric(metric as unknown as Metric);
  }

  observe(seconds: number): void {
    let at = 0;
    while (at < this.#buckets.length && seconds > (this.#buckets[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  #values(
    name: string,
  ): readonly Readonly<{ metricName: string; labels: Readonly<Record<string, string | number>>; value: number }>[] {
    let total = 0;
    const upTo = [...this.#buckets, '+Inf'].map((le, index) => ({
      metricName: `${name}_bucket`,
      labels: { le },
      value: (total += this.#counts[index] ?? 0),
    }));
    return [
      ...upTo,
      { metricName: `${name}_sum`, labels: {}, value: this.#sum },
      { metricName: `${name}_count`, labels: {}, value: total },
    ];
  }
}
