import { createInterface } from 'node:readline';

/**
 * What a client program of the matrix does: it reads commands from its standard input, one JSON object a line, and
 * prints one for each (`{id, ok}` or `{id, failed}`) and for what it is told in between (`{event}`). `connect` gets the
 * target and `tell`, and answers `{list, call, close}`; a program in another language does the same.
 */
export const serveCommands = (connect) => {
  const tell = (event, detail = {}) => process.stdout.write(`${JSON.stringify({ event, ...detail })}\n`);
  let client;
  const commands = {
    connect: async (target) => {
      client = await connect(target, tell);
      return client.about();
    },
    list: () => client.list(),
    call: ({ name, args, cancelOnProgress = false }) => {
      const cancel = new AbortController();
      const onProgress = (progress) => {
        tell('progress', { progress });
        if (cancelOnProgress) cancel.abort();
      };
      return client.call(name, args, { onProgress, signal: cancel.signal });
    },
    close: async () => {
      await client?.close();
      return {};
    },
  };
  const run = async ({ id, do: command, ...more }) => {
    try {
      return { id, ok: await commands[command](more) };
    } catch (error) {
      return { id, failed: { code: error?.code ?? null, message: String(error?.message ?? error) } };
    }
  };
  const lines = createInterface(process.stdin);
  lines.on('line', (line) => {
    void run(JSON.parse(line)).then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
  });
  lines.on('close', () => process.exit(0));
};

/** What the person at every client answers. */
export const ANSWER = { action: 'accept', content: { name: 'Ada' } };
export const TIMEOUT_MS = 20_000;
export const CONNECT_TIMEOUT_MS = 60_000;
