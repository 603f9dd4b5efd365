import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { itemsFrom, openKind, batchOf, sendOnce } from './support/kind.js';
import { startTcpProxy } from './support/tcp-proxy.js';
import { startRsyslog, startSyslogNg, type SyslogServer } from './support/syslog-servers.js';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates?.remove());

const clientOf = (name: 'client' | 'other' | 'stranger') => ({
  ca: certificates.ca,
  cert: certificates[name].cert,
  key: certificates[name].key,
});

const RECEIVERS = [
  { name: 'rsyslog', isHere: inject('receivers').rsyslog !== '', start: startRsyslog },
  { name: 'syslog-ng', isHere: inject('receivers').syslogNg !== '', start: startSyslogNg },
] as const;

describe.each(RECEIVERS)('$name', ({ isHere, start }) => {
  describe.skipIf(!isHere)('over TLS with client certificates', () => {
    let server: SyslogServer;
    beforeAll(async () => {
      server = await start({ certificates });
    });
    afterAll(() => server?.stop());
    const config = (tls: unknown) => ({ host: '127.0.0.1', port: server.port, tls });

    test('holds every record of many batches, unchanged and in order, with its id in the structured data', async () => {
      const destination = openKind('syslog', config(clientOf('client')));
      const batches = [itemsFrom(1, 300), itemsFrom(301, 1), itemsFrom(302, 199)];
      for (const items of batches)
        expect(await destination.send(batchOf(items), new AbortController().signal)).toMatchObject({
          outcome: 'accepted',
        });
      const sent = batches.flat();
      await expect.poll(() => server.heard().length).toBe(500);
      const heard = server.heard();
      expect(heard.map(({ message }) => message.trimStart())).toEqual(sent.map(({ text }) => text));
      expect(heard.map(({ data }) => /eventId="(.+?)"/.exec(data)?.[1] ?? data)).toEqual(
        sent.map(({ record }) => record.eventId),
      );
    });

    test('a record of 60,000 bytes arrives whole', async () => {
      const before = server.heard().length;
      const items = itemsFrom(9001, 2, { more: { reason: 'é'.repeat(29_500) } });
      expect(await sendOnce('syslog', config(clientOf('client')), { items })).toMatchObject({ outcome: 'accepted' });
      await expect.poll(() => server.heard().length).toBe(before + 2);
      expect(
        server
          .heard()
          .slice(before)
          .map(({ message }) => message.trimStart()),
      ).toEqual(items.map(({ text }) => text));
    });

    test.each([
      ['no certificate', () => ({ ca: certificates.ca })],
      ['one of another authority', () => clientOf('stranger')],
      ['one of ours by another name', () => clientOf('other')],
    ])('a client with %s is refused, and nothing counts as sent', async (_, tls) => {
      const before = server.heard().length;
      for (const attempt of [1, 2, 3])
        expect(await sendOnce('syslog', config(tls()), { items: itemsFrom(attempt, 20) })).toMatchObject({
          outcome: 'retry',
        });
      // What is sent and taken afterwards is all that came: nothing of the others is under way any more.
      const items = itemsFrom(5001, 3);
      expect(await sendOnce('syslog', config(clientOf('client')), { items })).toMatchObject({ outcome: 'accepted' });
      await expect.poll(() => server.heard().length).toBeGreaterThanOrEqual(before + 3);
      const messages = server.heard().slice(before);
      expect(messages.map(({ message }) => message.trimStart())).toEqual(items.map(({ text }) => text));
    });

    test('a receiver whose certificate is not trusted, or names somebody else, gets nothing', async () => {
      const strange = { ...clientOf('client'), ca: certificates.strangerCa };
      const named = { ...clientOf('client'), serverName: 'elsewhere.example' };
      for (const tls of [strange, named])
        expect(await sendOnce('syslog', config(tls), { items: itemsFrom(1, 1) })).toMatchObject({
          outcome: 'retry',
          code: 'certificate_not_trusted',
        });
    });
  });

  test.skipIf(!isHere)('over plain TCP holds every record', async () => {
    const server = await start({ certificates, tls: false });
    try {
      const items = itemsFrom(1, 50);
      expect(await sendOnce('syslog', { host: '127.0.0.1', port: server.port, tls: false }, { items })).toMatchObject({
        outcome: 'accepted',
      });
      await expect.poll(() => server.heard().length).toBe(50);
    } finally {
      await server.stop();
    }
  });
});

describe('a syslog receiver that misbehaves', () => {
  const send = (port: number, signal?: AbortSignal) =>
    sendOnce(
      'syslog',
      { host: '127.0.0.1', port, tls: false },
      { items: itemsFrom(1, 50), ...(signal ? { signal } : {}) },
    );

  test('one that closes each connection at once has not taken the batch, however often it is tried', async () => {
    const proxy = await startTcpProxy(1);
    proxy.set('close');
    for (let count = 0; count < 30; count += 1) expect(await send(proxy.port)).toMatchObject({ outcome: 'retry' });
    await proxy.stop();
  });

  test('one that takes connections and reads nothing has not taken the batch', async () => {
    const proxy = await startTcpProxy(1);
    proxy.set('hang');
    expect(await send(proxy.port, AbortSignal.timeout(1500))).toMatchObject({ outcome: 'retry', code: 'stopped' });
    await proxy.stop();
    expect(await send(proxy.port)).toMatchObject({ outcome: 'retry', code: 'connection_failed' });
  });

  test.skipIf(inject('receivers').rsyslog === '')(
    'one that dies in the middle of a batch gets it again, whole',
    async () => {
      const server = await startRsyslog({ certificates, tls: false });
      const proxy = await startTcpProxy(server.port);
      proxy.set({ cutAfter: 5000 });
      expect(await send(proxy.port)).toMatchObject({ outcome: 'retry', code: 'connection_failed' });
      proxy.set('pass');
      expect(await send(proxy.port)).toMatchObject({ outcome: 'accepted' });
      const ids = () => server.heard().flatMap(({ data }) => /eventId="(.+?)"/.exec(data)?.[1] ?? []);
      const sent = itemsFrom(1, 50).map(({ record }) => record.eventId);
      await expect.poll(() => ids().slice(-50)).toEqual(sent);
      expect(ids().length).toBeGreaterThan(50);
      await Promise.all([proxy.stop(), server.stop()]);
    },
  );
});
