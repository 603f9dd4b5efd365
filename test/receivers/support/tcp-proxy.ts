import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What happens to connections from now on: they pass; are closed at once; are taken and never read; or pass until this
 * many bytes went in, and then are reset, as by the kernel of a receiver that died with more to read.
 */
export type TcpFault = 'pass' | 'close' | 'hang' | Readonly<{ cutAfter: number }>;
export type TcpProxy = Readonly<{
  port: number;
  host: string;
  set: (fault: TcpFault) => void;
  /** How many connections came since the fault was set. */
  met: () => number;
  stop: () => Promise<void>;
}>;

/** A way to a port of loopback that can be disturbed. */
export const startTcpProxy = async (targetPort: number, host = '127.0.0.1'): Promise<TcpProxy> => {
  let fault: TcpFault = 'pass';
  let met = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket.on('error', () => undefined);
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    met += 1;
    if (fault === 'close') return void client.destroy();
    if (fault === 'hang') return void client.pause();
    const target = keep(connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true }));
    const limit = fault === 'pass' ? Number.POSITIVE_INFINITY : fault.cutAfter;
    let bytes = 0;
    client.on('data', (chunk: Buffer) => {
      const left = limit - bytes;
      bytes += chunk.length;
      target.write(chunk.subarray(0, left));
      if (bytes < limit) return;
      client.resetAndDestroy();
      target.end();
    });
    client.on('end', () => target.end());
    target.pipe(client);
    target.once('close', () => client.destroy());
  }).listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    host,
    set: (next) => {
      fault = next;
      met = 0;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    met: () => met,
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
      await once(server, 'close');
    },
  };
};
