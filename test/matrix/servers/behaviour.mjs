import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The tools that every server of the matrix has, whatever it is written in: the programs beside this one in other
 * languages have the same. `grow` adds the tool `grown` and says that the list has changed; `wait` reports progress
 * once, then waits until it is cancelled; `cancelled` says how many calls of `wait` with this key were.
 */
const CANCELLED = new Map();
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const schema = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });
const string = { type: 'string' };

export const QUESTION = {
  mode: 'form',
  message: 'What is your name?',
  requestedSchema: schema({ name: { type: 'string' } }),
};

const wait = async ({ key }, io) => {
  await io.progress(1);
  for (let rounds = 0; rounds < 300 && !io.signal.aborted; rounds += 1) await sleep(100);
  if (io.signal.aborted) CANCELLED.set(key, (CANCELLED.get(key) ?? 0) + 1);
  return text('waited');
};

export const tools = [
  ['echo', { text: string }, ({ text: said }) => text(said)],
  ['fail', {}, () => ({ ...text('this tool fails'), isError: true })],
  ['denied', {}, () => text('done')],
  ['limited', {}, () => text('done')],
  [
    'steps',
    {},
    async (_args, io) => {
      // Some clients lose what comes in one piece with the result.
      for (const step of [1, 2, 3]) {
        await io.progress(step);
        await sleep(200);
      }
      return text('three steps');
    },
  ],
  ['wait', { key: string }, wait],
  ['cancelled', { key: string }, ({ key }) => text(String(CANCELLED.get(key) ?? 0))],
  [
    'ask',
    {},
    async (_args, io) => {
      const { action, content } = await io.ask(QUESTION);
      return text(`${action} ${content?.name ?? ''}`);
    },
  ],
  [
    'grow',
    {},
    async (_args, io) => {
      await io.grow();
      return text('grown');
    },
  ],
].map(([name, properties, call]) => ({
  name,
  description: `The tool ${name}`,
  inputSchema: schema(properties),
  call,
}));

export const GROWN = {
  name: 'grown',
  description: 'The tool grown',
  inputSchema: schema({}),
  call: () => text('grown'),
};
