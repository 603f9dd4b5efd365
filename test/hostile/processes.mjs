/** The processes beside the gateway. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Starts a process with the MCP servers. What behaves has one of its own, so that it is not slowed down by what
 * misbehaves.
 */
export const startServer = (seed) =>
  new Promise((resolve, reject) => {
    const child = fork(fileOf('hostile-server.mjs'), [String(seed)]);
    child.once('message', (port) => resolve({ port, pid: child.pid, stop: () => child.disconnect() }));
    child.once('exit', (code) => reject(new Error(`the MCP server ended with ${code}`)));
  });

/** Starts the second tenant. `stop` answers what it saw since `start`. */
export const startNeighbour = ({ mcpUrl, token }) => {
  const child = fork(fileOf('neighbour.mjs'), [mcpUrl, token]);
  const ended = new Promise((_resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the neighbour ended with ${code}`)));
  });
  ended.catch(() => undefined);
  return {
    start: () => child.send('start'),
    stop: () => {
      child.send('stop');
      return Promise.race([new Promise((resolve) => child.once('message', resolve)), ended]);
    },
  };
};
