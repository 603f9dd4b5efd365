/** The one call and the one result that every target carries: 260 bytes each, with an id of eight digits. */
export const MESSAGE_BYTES = 260;

const padded = (text) => text.replace('@', 'x'.repeat(MESSAGE_BYTES - text.length + 1));

export const callText = padded(
  '{"jsonrpc":"2.0","id":10000000,"method":"tools/call","params":{"name":"cancel_job","arguments":{"project_id":"group/project","job_id":"1234567890","force":false,"reason":"@"}}}',
);

const resultParts = padded('{"jsonrpc":"2.0","id":10000000,"result":{"content":[{"type":"text","text":"job 1234567890 was cancelled @"}]}}').split('10000000');

export const resultText = (id) => resultParts[0] + id + resultParts[1];

/** Where the id begins in both. */
export const ID_AT = callText.indexOf('10000000');
