/** Medians over rounds, the budget (design.md, "Performance budget"), and how both are shown. */
export const median = (values) => {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  return sorted.length === 0 ? undefined : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

const FIELDS = ['cpu', 'rate', 'p50', 'p99', 'projectorCpu', 'postgresCpu', 'brokersCpu', 'made', 'recorded'];

/**
 * One row a target and load, of the part of the run without a log or with one (`log`): the median of every figure over
 * the rounds, and how far apart the lowest and the highest CPU time were.
 */
export const summarize = (runs) => {
  const rows = new Map();
  for (const run of runs) {
    const key = `${run.log} ${run.name}@${run.load}`;
    if (!rows.has(key)) rows.set(key, { name: run.name, log: run.log, base: run.base, load: run.load, runs: [] });
    rows.get(key).runs.push(run);
  }
  return [...rows.values()].map((row) => {
    const medians = Object.fromEntries(FIELDS.map((field) => [field, median(row.runs.map((run) => run[field]))]));
    const all = row.runs.map((run) => run.cpu).filter((cpu) => cpu !== undefined);
    return {
      name: row.name,
      log: row.log,
      base: row.base,
      load: row.load,
      ...medians,
      spread: all.length === 0 ? undefined : Math.max(...all) / Math.min(...all),
      worstBehind: Math.max(0, ...row.runs.map((run) => run.behindSeconds ?? 0)),
      errors: row.runs.reduce((sum, run) => sum + run.errors, 0),
    };
  });
};

export const atMost = (text, value, limit, unit) => ({
  text,
  value,
  limit,
  unit,
  rule: 'at most',
  holds: value <= limit,
});
export const atLeast = (text, value, limit, unit) => ({
  text,
  value,
  limit,
  unit,
  rule: 'at least',
  holds: value >= limit,
});

const logBudget = (at, name, where) => {
  const [saturated, pace] = [at(name, '128'), at(name, 'pace')];
  return [
    ...(at(name, 'open')
      ? [
          atMost(
            `log in ${where}, limit: added p50 at 200 calls/s`,
            at(name, 'open').p50 - (at('direct', 'open')?.p50 ?? Number.NaN),
            5,
            'ms',
          ),
        ]
      : []),
    ...(saturated
      ? [
          atMost(
            `log in ${where}, limit: record and usage up to date after the load ends`,
            saturated.worstBehind,
            10,
            's',
          ),
        ]
      : []),
    ...(pace
      ? [
          atLeast(
            `log in ${where}, limit: projector's pace to the gateway's at saturation`,
            pace.recorded / pace.made,
            1,
            '×',
          ),
        ]
      : []),
  ];
};

/** What a row is compared with: measured in the same part of the run. */
const baseOf = (rows, row, name = row.base) =>
  rows.find((one) => one.name === name && one.load === row.load && one.log === row.log);

/** Every line of the budget that was measured, with its value and whether it holds. */
export const judge = (rows) => {
  const at = (name, load) => rows.find((row) => row.name === name && row.load === load);
  const toRelay = (text, name, load, limit) =>
    at(name, load)
      ? [
          atMost(
            `${text}: CPU to the relay, ${load} connections`,
            at(name, load).cpu / (baseOf(rows, at(name, load))?.cpu ?? Number.NaN),
            limit,
            '×',
          ),
        ]
      : [];
  const errors = rows.reduce((sum, row) => sum + row.errors, 0);
  return [
    ...toRelay('no log, no limit', 'bare', '128', 1.4),
    ...toRelay('no log, no limit', 'bare', '32', 1.4),
    ...toRelay('log in PostgreSQL, limit', 'log+limit', '128', 2.5),
    ...toRelay('log in PostgreSQL, limit', 'log+limit', '32', 3.5),
    ...logBudget(at, 'log+limit', 'PostgreSQL'),
    ...logBudget(at, 'kafka+limit', 'Kafka'),
    atMost('answers that were not the expected one', errors, 0, ''),
  ];
};

const cell = (value, digits = 1) => (value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits));

const SHOWN = { open: '200/s', list: 'list, 32' };

const columns = (rows) => {
  const base = (row, field) => baseOf(rows, row, field === 'cpu' ? row.base : 'direct')?.[field];
  return [
    ['target', (row) => row.name],
    ['a log', (row) => row.log],
    ['load', (row) => SHOWN[row.load] ?? row.load],
    ['calls/s', (row) => cell(row.rate, 0)],
    ['CPU µs/call', (row) => cell(row.cpu)],
    ['to relay', (row) => cell(row.cpu / base(row, 'cpu'), 2)],
    ['spread', (row) => cell(row.spread, 2)],
    ['p50 ms', (row) => cell(row.p50, 2)],
    ['p99 ms', (row) => cell(row.p99, 2)],
    ['added p50', (row) => (row.name === 'direct' ? '' : cell(row.p50 - base(row, 'p50'), 2))],
    ['projector µs', (row) => cell(row.projectorCpu)],
    ['PostgreSQL µs', (row) => cell(row.postgresCpu)],
    ['Kafka µs', (row) => cell(row.brokersCpu)],
    ['behind s', (row) => cell(row.worstBehind || undefined, 1)],
  ];
};

export const table = (rows) => {
  const shown = columns(rows);
  return textTable(
    [
      shown.map(([title]) => title),
      ...rows.filter(({ load }) => load !== 'pace').map((row) => shown.map(([, show]) => show(row))),
    ],
    3,
  );
};

/** Gateway and projector in turns, each with a core of its own: events a second. */
export const paceText = (rows) =>
  textTable(
    [
      ['in turns, events/s', 'gateway makes', 'projector records and counts', 'ratio'],
      ...rows
        .filter(({ load }) => load === 'pace')
        .map(({ name, made, recorded }) => [name, cell(made, 0), cell(recorded, 0), cell(recorded / made, 2)]),
    ],
    1,
  );

/** The CPU of a target to that of the same target of the other build, with the processes of each start. */
const ratiosOf = (runs, { name, load, log }) => {
  const cpuIn = (restart, of) =>
    median(
      runs
        .filter((one) => one.restart === restart && one.name === of && one.load === load && one.log === log)
        .map(({ cpu }) => cpu),
    );
  const restarts = [...new Set(runs.map(({ restart }) => restart))];
  return restarts
    .map((restart) => cpuIn(restart, name) / cpuIn(restart, `other ${name}`))
    .filter((ratio) => Number.isFinite(ratio));
};

/**
 * CPU per call of each target to the same target of the other build (`--against`), and empty without one: the median of
 * the ratios of all starts, how far apart they are, and each.
 */
export const againstText = (runs, rows) => {
  const compared = rows
    .map((row) => ({
      row,
      other: rows.find(({ name, load, log }) => name === `other ${row.name}` && load === row.load && log === row.log),
      ratios: ratiosOf(runs, row).toSorted((a, b) => a - b),
    }))
    .filter(({ ratios }) => ratios.length > 0);
  if (compared.length === 0) return '';
  const cells = compared.map(({ row, other, ratios }) => [
    row.name,
    SHOWN[row.load] ?? row.load,
    cell(row.cpu),
    cell(other?.cpu),
    cell(median(ratios), 3),
    cell(ratios[0], 3),
    cell(ratios.at(-1), 3),
    ratios.length > 1 ? ratios.map((ratio) => cell(ratio, 2)).join(' ') : '',
  ]);
  const head = ['CPU µs/call', 'load', 'this build', 'the other', 'ratio', 'least', 'most', 'of each start'];
  return `${textTable([head, ...cells], 2)}\n\n`;
};

/** Lines of cells as text; the first `left` columns stand left, figures right. */
export const textTable = (cells, left) => {
  const widths = cells[0].map((_, index) => Math.max(...cells.map((one) => one[index].length)));
  return cells
    .map((one) =>
      one.map((text, index) => (index < left ? text.padEnd(widths[index]) : text.padStart(widths[index]))).join('  '),
    )
    .join('\n');
};

export const budgetText = (lines) =>
  lines
    .map(
      ({ text, value, limit, unit, rule, holds }) =>
        `${holds ? 'pass' : 'FAIL'}  ${text}: ${cell(value, 2)}${unit && ` ${unit}`} (${rule} ${limit})`,
    )
    .join('\n');
