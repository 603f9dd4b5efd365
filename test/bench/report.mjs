/** Medians over rounds, the budget (design.md, "Performance budget"), and how both are shown. */
export const median = (values) => {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  return sorted.length === 0 ? undefined : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

const FIELDS = ['cpu', 'rate', 'p50', 'p99', 'writerCpu', 'postgresCpu', 'appendRate', 'drainSeconds', 'drainRate'];

/** One row a target and load: the median of every figure over the rounds, and how far apart the lowest and the highest CPU time were. */
export const summarize = (runs) => {
  const rows = new Map();
  for (const run of runs) {
    const key = `${run.name}@${run.load}`;
    if (!rows.has(key)) rows.set(key, { name: run.name, load: run.load, runs: [] });
    rows.get(key).runs.push(run);
  }
  return [...rows.values()].map((row) => {
    const medians = Object.fromEntries(FIELDS.map((field) => [field, median(row.runs.map((run) => run[field]))]));
    const all = row.runs.map((run) => run.cpu).filter((cpu) => cpu !== undefined);
    return { name: row.name, load: row.load, ...medians, spread: all.length === 0 ? undefined : Math.max(...all) / Math.min(...all), worstDrain: Math.max(0, ...row.runs.map((run) => run.drainSeconds ?? 0)), errors: row.runs.reduce((sum, run) => sum + run.errors, 0) };
  });
};

const atMost = (text, value, limit, unit) => ({ text, value, limit, unit, rule: 'at most', holds: value <= limit });
const atLeast = (text, value, limit, unit) => ({ text, value, limit, unit, rule: 'at least', holds: value >= limit });

const keepsUp = (row, name) => {
  if (!row) return [];
  return [
    atMost(`${name}: audit log up to date after the load ends`, row.worstDrain, 10, 's'),
    atLeast(`${name}: writer's rate to the gateway's at saturation`, row.drainRate / row.appendRate, 1, '×'),
  ];
};

/** Every line of the budget with its value and whether it holds. */
export const judge = (rows) => {
  const at = (name, load) => rows.find((row) => row.name === name && row.load === load);
  const ratio = (name, load) => (at(name, load)?.cpu ?? Number.NaN) / (at('relay', load)?.cpu ?? Number.NaN);
  const added = (name) => (at(name, 'open')?.p50 ?? Number.NaN) - (at('direct', 'open')?.p50 ?? Number.NaN);
  const errors = rows.reduce((sum, row) => sum + row.errors, 0);
  return [
    atMost('no log, no limit: CPU to the relay, 128 connections', ratio('bare', '128'), 1.4, '×'),
    atMost('no log, no limit: CPU to the relay, 32 connections', ratio('bare', '32'), 1.4, '×'),
    atMost('log in PostgreSQL, limit: CPU to the relay, 128 connections', ratio('log+limit', '128'), 2.5, '×'),
    atMost('log in PostgreSQL, limit: CPU to the relay, 32 connections', ratio('log+limit', '32'), 3.5, '×'),
    atMost('log in PostgreSQL, limit: added p50 at 200 calls/s', added('log+limit'), 5, 'ms'),
    ...keepsUp(at('log+limit', '128'), 'log in PostgreSQL, limit'),
    atMost('answers that were not the expected one', errors, 0, ''),
  ];
};

const cell = (value, digits = 1) => (value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits));

const columns = (rows) => {
  const base = (row, field) => rows.find((one) => one.name === (field === 'cpu' ? 'relay' : 'direct') && one.load === row.load)?.[field];
  return [
    ['target', (row) => row.name],
    ['load', (row) => (row.load === 'open' ? '200/s' : row.load === 'list' ? 'list, 32' : row.load)],
    ['calls/s', (row) => cell(row.rate, 0)],
    ['CPU µs/call', (row) => cell(row.cpu)],
    ['to relay', (row) => cell(row.cpu / base(row, 'cpu'), 2)],
    ['spread', (row) => cell(row.spread, 2)],
    ['p50 ms', (row) => cell(row.p50, 2)],
    ['p99 ms', (row) => cell(row.p99, 2)],
    ['added p50', (row) => (row.name === 'direct' ? '' : cell(row.p50 - base(row, 'p50'), 2))],
    ['writer µs', (row) => cell(row.writerCpu)],
    ['PostgreSQL µs', (row) => cell(row.postgresCpu)],
    ['drain s', (row) => cell(row.worstDrain || undefined, 1)],
  ];
};

export const table = (rows) => {
  const shown = columns(rows);
  const cells = [shown.map(([title]) => title), ...rows.map((row) => shown.map(([, show]) => show(row)))];
  const widths = shown.map((_, index) => Math.max(...cells.map((one) => one[index].length)));
  return cells.map((one) => one.map((text, index) => (index < 2 ? text.padEnd(widths[index]) : text.padStart(widths[index]))).join('  ')).join('\n');
};

export const budgetText = (lines) => lines.map(({ text, value, limit, unit, rule, holds }) => `${holds ? 'pass' : 'FAIL'}  ${text}: ${cell(value, 2)}${unit && ` ${unit}`} (${rule} ${limit})`).join('\n');
