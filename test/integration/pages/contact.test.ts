import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { describe, expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { send } from '../api/problem.js';

const { test, toolgate } = productTest({ TRUSTED_PROXIES: '127.0.0.1' });

let networks = 0;
/** An address that nothing came from yet. */
const from = (): Record<string, string> => ({ 'x-forwarded-for': `198.51.100.${(networks += 1)}` });

const json = (body: unknown, headers: Readonly<Record<string, string>> = from(), url = toolgate.url) =>
  send(url, 'POST', '/v1/contact', { body: JSON.stringify(body), headers });
const form = async (fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = from()) => {
  const response = await fetch(`${toolgate.url}/contact`, {
    method: 'POST',
    headers: { accept: 'text/html', ...headers },
    body: new URLSearchParams(fields),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
};
const kept = async (): Promise<readonly Readonly<Record<'name' | 'email' | 'message', string>>[]> =>
  (await toolgate.db.worker.query('select name, email, message from contact_messages order by created_at'))
    .rows as never;

const MESSAGE = { name: 'Ada', email: 'ada@example.com', message: 'A line,\nand another.' };

describe('A message to the people who run Toolgate', () => {
  test('is kept, from the API and from the form without a script, which says "Message sent."', async () => {
    const before = (await kept()).length;
    expect(await json(MESSAGE)).toMatchObject({ status: 202, body: { status: 'sent' } });
    const sent = await form(MESSAGE);
    expect([sent.status, sent.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(sent.text).toContain('<h1>Message sent.</h1>');
    const [first, second] = (await kept()).slice(before);
    expect([first, second?.message.replaceAll('\r', '')]).toEqual([MESSAGE, MESSAGE.message]);
  });

  test('that lacks something is shown again with what was typed, as text', async () => {
    const before = (await kept()).length;
    const { status, text } = await form({ name: '"><script>', email: 'nobody', message: '</textarea><script>' });
    expect(status).toBe(400);
    expect(text).toContain('Give an email address');
    expect(text).toContain('&lt;/textarea&gt;&lt;script&gt;</textarea');
    expect(text).not.toContain('"><script>');
    expect(await json({ ...MESSAGE, message: '' })).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    expect(await json({ ...MESSAGE, extra: 1 })).toMatchObject({ status: 400 });
    expect(await kept()).toHaveLength(before);
  });

  test('of a program that fills what people do not see is not kept', async () => {
    const before = (await kept()).length;
    expect((await form({ ...MESSAGE, website: 'https://example.com' })).text).toContain('Message sent.');
    expect(await kept()).toHaveLength(before);
  });

  test('is refused when it is too large, in either form', async () => {
    const message = 'x'.repeat(20_000);
    expect(await json({ ...MESSAGE, message })).toMatchObject({ status: 413 });
    expect((await form({ ...MESSAGE, message })).status).toBe(413);
    expect((await json({ ...MESSAGE, message: 'x'.repeat(4001) })).status).toBe(400);
  });

  test('sent again under its Idempotency-Key is kept once, and another under the same key is refused', async () => {
    const before = (await kept()).length;
    const headers = { ...from(), 'idempotency-key': 'one' };
    expect((await json(MESSAGE, headers)).headers.get('idempotency-replayed')).toBeNull();
    const again = await json(MESSAGE, headers);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(await json({ ...MESSAGE, name: 'Eve' }, headers)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
    expect(await json(MESSAGE, { ...from(), 'idempotency-key': 'one' })).toMatchObject({ status: 202 });
    expect(await kept()).toHaveLength(before + 2);
  });

  test('is refused after ten of one network in an hour, with the seconds to wait, and others are not', async () => {
    const headers = from();
    for (let count = 0; count < 10; count += 1) expect((await json(MESSAGE, headers)).status).toBe(202);
    const refused = await json(MESSAGE, headers);
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_requests' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const page = await form(MESSAGE, headers);
    expect([page.status, page.headers.get('content-type')]).toEqual([429, 'application/problem+json']);
    expect((await json(MESSAGE)).status).toBe(202);
  });
});

test('A message is mailed to the operators, quoted, and is tried again when the mail server refuses it', async () => {
  const letters: string[] = [];
  let refusals = 1;
  const server = new SMTPServer({
    logger: false,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (refusals > 0)
          return done(Object.assign(new Error('later'), { responseCode: 451, refusals: (refusals -= 1) }));
        letters.push(Buffer.concat(chunks).toString().replaceAll('=\r\n', '').replaceAll('=3D', '='));
        done();
      });
    },
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const mailing = await startTestToolgate({
    SMTP_URL: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    MAIL_FROM: 'Toolgate <pages@toolgate.example>',
    OPERATORS: 'ops@toolgate.example',
  });
  try {
    expect((await json({ ...MESSAGE, name: 'Eve\u202e' }, {}, mailing.url)).status).toBe(202);
    await expect.poll(() => refusals).toBe(0);
    await mailing.db.worker.query(`update contact_messages set due_at = now() where mailed_at is null`);
    await expect
      .poll(
        async () => {
          await mailing.db.worker.query(`update contact_messages set due_at = now() where mailed_at is null`);
          return letters.length;
        },
        { timeout: 25_000 },
      )
      .toBe(1);
    expect(letters[0]).toContain('To: ops@toolgate.example');
    expect(letters[0]).toContain('From:  Eve  <ada@example.com>');
    expect(letters[0]).toMatch(/> A line,\r?\n> and another\./);
  } finally {
    await mailing.close();
    await new Promise<void>((done) => server.close(() => done()));
  }
});
