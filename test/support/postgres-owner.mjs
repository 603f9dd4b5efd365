/**
 * Owns an embedded PostgreSQL until it is killed. argv: the folder of compilePlatform, the data folder, and optionally
 * "write": then it inserts numbers one by one and prints each after its acknowledgement. Prints one JSON line when
 * ready, or `{"error"}`.
 */
import pg from 'pg';

const [compiled, dataDir, mode] = process.argv.slice(2);
const { startEmbeddedPostgres } = await import(`${compiled}/embedded-postgres/embedded-postgres.js`);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  const began = performance.now();
  const server = await startEmbeddedPostgres({ dataDir, onNotice: (notice) => print({ notice }) });
  print({ url: server.url, pid: server.pid, ms: Math.round(performance.now() - began) });
  process.once('SIGTERM', () => server.stop().then(() => process.exit(0)));
  if (mode === 'write') {
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query('create table if not exists numbers(n int primary key)');
    for (let n = 0; ; n += 1) {
      await client.query('insert into numbers values ($1)', [n]);
      print({ acknowledged: n });
    }
  }
  setInterval(() => undefined, 1000);
} catch (error) {
  print({ error: error.message });
  process.exit(1);
}
