import { createServer } from 'node:http';

/**
 * A receiver of log streams in a process of its own, which keeps numbers alone: `node counting-receiver.mjs LAST` takes
 * records by POST, and answers GET with how many bytes it took, how many different records up to `LAST`, and the
 * highest `seq`. Prints its port.
 */
const last = Number(process.argv[2]);
const known = new Uint8Array(last + 1);
const taken = { bytes: 0, distinct: 0, highest: 0 };
const SEQ = /"(?:seq|sequence)":(\d+)/g;

const count = (body) => {
  taken.bytes += body.length;
  for (const [, text] of body.toString('latin1').matchAll(SEQ)) {
    const seq = Number(text);
    taken.highest = Math.max(taken.highest, seq);
    if (seq > last || known[seq] === 1) continue;
    known[seq] = 1;
    taken.distinct += 1;
  }
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method === 'POST') count(Buffer.concat(chunks));
    response.end(request.method === 'POST' ? 'taken' : JSON.stringify(taken));
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
