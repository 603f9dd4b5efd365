/** How far back the usage looks. */
export type Range = '24h' | '7d' | '30d';
export const RANGES: readonly Range[] = ['24h', '7d', '30d'];

/** Reads the search parameters of a link to the usage. */
export const readUsageSearch = (raw: Readonly<Record<string, unknown>>): { range?: Range } => {
  const range = RANGES.find((one) => one === raw['range']);
  return range === undefined ? {} : { range };
};
