import { parseAllDocuments } from 'yaml';

export type Json = Readonly<Record<string, unknown>>;

type Detection = Json & Readonly<{ condition: string }>;
type Correlation = Readonly<{
  type: 'event_count' | 'value_count' | 'temporal_ordered';
  rules: readonly string[];
  'group-by': readonly string[];
  timespan: string;
  condition?: Readonly<{ gte: number; field?: string }>;
}>;

/** A rule or a correlation of a file in Sigma 2.0. */
export type SigmaRule = Json &
  Readonly<{
    title: string;
    id: string;
    name?: string;
    level: string;
    detection?: Detection;
    correlation?: Correlation;
  }>;

/** The rules of a file. @throws Error for text that is no YAML */
export const readSigma = (text: string): readonly SigmaRule[] =>
  parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return document.toJS() as SigmaRule;
  });

const fieldOf = (record: Json, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (value as Json | null | undefined)?.[name], record);

const isWildMatch = (value: unknown, wanted: string): boolean =>
  new RegExp(
    `^${wanted
      .split('*')
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join('.*')}$`,
    'is',
  ).test(String(value));

const comparisons: Readonly<Record<string, (value: unknown, wanted: unknown, record: Json) => boolean>> = {
  exists: (value, wanted) => (value !== undefined && value !== null) === wanted,
  gte: (value, wanted) => Number(value) >= Number(wanted),
  fieldref: (value, wanted, record) => value !== undefined && value === fieldOf(record, String(wanted)),
};

const isFieldMatch = (record: Json, key: string, wanted: unknown): boolean => {
  const [path = '', modifier] = key.split('|');
  const value = fieldOf(record, path);
  const compare = modifier === undefined ? undefined : comparisons[modifier];
  if (modifier !== undefined && !compare) throw new Error(`no modifier ${modifier}`);
  if (compare) return compare(value, wanted, record);
  return [wanted]
    .flat()
    .some((one) => (one === null ? value === null || value === undefined : isWildMatch(value ?? '', String(one))));
};

/** `a and not b` over the names of selections, which is what our rules use of Sigma's conditions. */
const isRuleMatch = ({ condition, ...selections }: Detection, record: Json): boolean =>
  condition.split(' and ').every((term) => {
    const name = term.replace(/^not /, '');
    const selection = selections[name] as Json | undefined;
    if (!selection) throw new Error(`no selection ${name}`);
    const matches = Object.entries(selection).every(([key, wanted]) => isFieldMatch(record, key, wanted));
    return term.startsWith('not ') ? !matches : matches;
  });

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const spanMs = (text: string): number => Number(text.slice(0, -1)) * (UNITS[text.at(-1) ?? ''] ?? Number.NaN);
const timeOf = (record: Json): number => Date.parse(String(record['time']));

type Hit = Readonly<{ rule: string; record: Json }>;

const isInOrder = (rules: readonly string[], window: readonly Hit[]): boolean => {
  let next = 0;
  for (const { rule } of window) if (rule === rules[next]) next += 1;
  return next === rules.length;
};

const isCorrelated = ({ type, rules, condition }: Correlation, window: readonly Hit[]): boolean => {
  if (type === 'temporal_ordered') return isInOrder(rules, window);
  const { gte = 1, field = '' } = condition ?? {};
  const count =
    type === 'event_count' ? window.length : new Set(window.map(({ record }) => fieldOf(record, field))).size;
  return count >= gte;
};

const hitsOf = (all: readonly SigmaRule[], { rules }: Correlation, records: readonly Json[]): readonly Hit[] =>
  records.flatMap((record) =>
    rules.flatMap((name) => {
      const rule = all.find((one) => one.name === name);
      if (!rule?.detection) throw new Error(`no rule ${name}`);
      return isRuleMatch(rule.detection, record) ? [{ rule: name, record }] : [];
    }),
  );

const doesCorrelate = (all: readonly SigmaRule[], correlation: Correlation, records: readonly Json[]): boolean => {
  const hits = hitsOf(all, correlation, records);
  const groupOf = ({ record }: Hit): string =>
    JSON.stringify(correlation['group-by'].map((field) => fieldOf(record, field)));
  return hits.some((first, at) =>
    isCorrelated(
      correlation,
      hits
        .slice(at)
        .filter(
          (hit) =>
            groupOf(hit) === groupOf(first) &&
            timeOf(hit.record) - timeOf(first.record) <= spanMs(correlation.timespan),
        ),
    ),
  );
};

/** Whether the last rule of a file, which the others serve, fires on records in order of time. */
export const doesFire = (all: readonly SigmaRule[], records: readonly Json[]): boolean => {
  const rule = all.at(-1);
  if (rule?.correlation) return doesCorrelate(all, rule.correlation, records);
  if (!rule?.detection) throw new Error('a file without a rule');
  const { detection } = rule;
  return records.some((record) => isRuleMatch(detection, record));
};
