/** What the figures leave out. */
const NOT_JUDGED = `Not run: auth/* of the client set, as Toolgate does not sign in to servers by OAuth yet.
Run but not judged: tasks-*, as the fixtures offer no tasks.
server/discover, which most of the suite's own servers of 2026-07-28 do not know, is answered in front of them.`;

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

const scoreOf = ({ scenarios }) => {
  const scored = scenarios.filter((one) => one.scored);
  return `${scored.filter(({ passed }) => passed).length}/${scored.length}`;
};

const checksOf = ({ scenarios }) => {
  const scored = scenarios.filter((one) => one.scored);
  return `${sum(scored.map((one) => one.checks.passed))}/${sum(scored.map((one) => one.checks.total))}`;
};

const printTable = (rows) => {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((cells) => cells[at].length)));
  for (const cells of rows)
    console.log(
      cells
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    );
  console.log();
};

/** Prints a line a pairing, with what it took. */
export const printRuns = (runs, compared) => {
  const rows = runs.map((run, at) => [
    run.pairing,
    scoreOf(run),
    checksOf(run),
    `${run.seconds} s`,
    String(compared[at].fails.length),
  ]);
  printTable([['pairing', 'scored', 'checks', 'time', 'failed'], ...rows]);
};

/**
 * Prints who meets whom: clients of each revision at each fixture, directly and through the gateway, and clients of
 * each era at the suite's servers of each revision. A cell is how many of the scored scenarios passed; what failed is
 * named below it with its reason.
 */
export const printCross = ({ runs, compared, fixtures, revisions, clientEras }) => {
  const notes = [];
  const cell = (pairing) => {
    const at = runs.findIndex((run) => run.pairing === pairing);
    if (at < 0) return '-';
    const { fails, why, worse } = compared[at];
    if (fails.length === 0) return scoreOf(runs[at]);
    const named = fails.length > 3 ? `${fails.length} scenarios` : fails.join(', ');
    notes.push(`[${notes.length + 1}] ${pairing}: ${named}. ${worse.length > 0 ? 'NOT EXPECTED' : why}`);
    return `${scoreOf(runs[at])} [${notes.length}]`;
  };
  printTable([
    ['clients of the suite', ...fixtures],
    ...['gateway', 'direct'].flatMap((way) =>
      revisions.map((revision) => [
        `${revision}, ${way === 'gateway' ? 'through Toolgate' : 'direct'}`,
        ...fixtures.map((fixture) => cell(`${fixture} ${way} ${revision}`)),
      ]),
    ),
  ]);
  printTable([
    ['servers of the suite', ...revisions],
    ...clientEras.map((era) => [
      `${era} client, through Toolgate's way`,
      ...revisions.map((revision) => cell(`${era} client ${revision}`)),
    ]),
  ]);
  for (const note of notes) console.log(note);
  console.log(NOT_JUDGED);
};
