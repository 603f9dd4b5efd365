import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a database that can fall silent or lead elsewhere; its url stays. */
export type DatabaseProxy = Readonly<{
  url: string;
  /**
   * Whatever is connected now passes no byte any more, and nobody is told: as when a host or a firewall's memory of a
   * connection is gone. New connections pass.
   */
  silence: () => void;
  /** New connections go to the same database of a server on another port. */
  leadTo: (databaseUrl: string) => void;
  close: () => Promise<void>;
}>;

export const startDatabaseProxy = async (databaseUrl: string): Promise<DatabaseProxy> => {
  const url = new URL(databaseUrl);
  const target = { host: url.hostname, port: Number(url.port) };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.toString(),
    silence: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    leadTo: (to) => {
      target.port = Number(new URL(to).port);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
};
