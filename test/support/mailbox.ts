import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** Where quoted-printable breaks a line that is longer. */
const SOFT_BREAK = /=\r?\n/g;

/** A mail server on loopback that takes everything, and keeps the text of what it got. */
export const startMailbox = async (): Promise<
  Readonly<{ smtpUrl: string; letters: readonly string[]; close: () => Promise<void> }>
> => {
  const letters: string[] = [];
  const server = new SMTPServer({
    logger: false,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        letters.push(Buffer.concat(chunks).toString().replaceAll(SOFT_BREAK, '').replaceAll('=3D', '='));
        done();
      });
    },
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.server.address() as AddressInfo).port)),
  );
  return {
    smtpUrl: `smtp://127.0.0.1:${port}`,
    letters,
    close: () => new Promise<void>((done) => server.close(() => done())),
  };
};
