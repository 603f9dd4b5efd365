import { KINDS } from './differences.mjs';

const STEPS = [
  'connect',
  'list',
  'call',
  'failing',
  'unknown',
  'denial',
  'limit',
  'progress',
  'cancel',
  'elicitation',
  'list_changed',
  'gateway restart',
  'upstream restart',
];

const OVER = { http: 'Streamable HTTP', sse: 'HTTP+SSE', stdio: 'stdio' };
const signOf = (kind) => (kind === undefined ? '' : kind === 'equal' ? '=' : (KINDS[kind]?.sign ?? '?'));
const requestsOf = ({ direct, client, upstream }) =>
  `${direct ?? ''} / ${client ?? ''}${upstream === undefined ? '' : ` + ${upstream}`}`;
const table = (rows) => rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const pairs = (results) => {
  const head = ['server', 'over', 'client', ...STEPS, 'requests'];
  const rows = results.map((row) => [
    row.server,
    OVER[row.transport],
    row.client,
    ...STEPS.map((step) => signOf(row.steps[step])),
    requestsOf(row.requests),
  ]);
  return table([head, head.map(() => '---'), ...rows]);
};

const legend = () =>
  table([
    ['sign', 'the client sees through Toolgate', 'because'],
    ['---', '---', '---'],
    ['=', 'exactly what it sees directly', ''],
    ...Object.entries(KINDS).map(([name, { sign, why }]) => [sign, name, why]),
  ]);

/** The generated part of docs/compatibility.md: what was measured, and what its signs say. */
export const compatibilityTables = (results) => `${legend()}\n\n${pairs(results)}`;
