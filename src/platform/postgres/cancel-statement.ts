import { guarded } from '../runtime/guard.js';
import { connect } from 'node:net';
import type { PoolClient } from 'pg';

/** What pg knows of its connection and does not declare. */
type Backend = Readonly<{ host: string; port: number; processID: number | null; secretKey: number | null }>;

const CANCEL_REQUEST_CODE = 80_877_102;
const CANCEL_TIMEOUT_MS = 5000;

/**
 * Asks PostgreSQL to cancel what a connection runs, by a CancelRequest on a connection of its own (PostgreSQL's
 * documentation, 54.2.9). Resolves when the server has taken it, or could not be asked. The connection must not be used
 * for other statements: the request may arrive after the statement's end.
 */
export const cancelStatement = (client: PoolClient): Promise<void> =>
  new Promise((resolve) => {
    const { host, port, processID, secretKey } = client as unknown as Backend;
    if (processID === null || secretKey === null) return resolve();
    const message = Buffer.alloc(16);
    message.writeInt32BE(16, 0);
    message.writeInt32BE(CANCEL_REQUEST_CODE, 4);
    message.writeInt32BE(processID, 8);
    message.writeInt32BE(secretKey, 12);
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    socket.setTimeout(
      CANCEL_TIMEOUT_MS,
      guarded('cancel_statement', () => void socket.destroy()),
    );
    socket.once(
      'connect',
      guarded('cancel_statement', () => void socket.end(message)),
    );
    socket.once(
      'error',
      guarded('cancel_statement', () => void socket.destroy()),
    );
    socket.once(
      'close',
      guarded('cancel_statement', () => resolve()),
    );
    socket.resume();
  });
