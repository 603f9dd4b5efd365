/**
 * The one call and the one result that every target carries, by era: with an id of eight digits, the result of 260
 * bytes, the call of as many but for what a modern one says of itself.
 */
export const MESSAGE_BYTES = 260;

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

const padded = (text, bytes = MESSAGE_BYTES) => text.replace('@', 'x'.repeat(bytes - text.length + 1));

const legacyCall = padded(
  '{"jsonrpc":"2.0","id":10000000,"method":"tools/call","params":{"name":"cancel_job",' +
    '"arguments":{"project_id":"group/project","job_id":"1234567890","force":false,"reason":"@"}}}',
);

/** By era. */
export const callText = {
  legacy: legacyCall,
  modern: legacyCall.replace(/\}\}$/, `,"_meta":${JSON.stringify(META)}}}`),
};

export const listText = '{"jsonrpc":"2.0","id":10000000,"method":"tools/list","params":{}}';

const text = '"content":[{"type":"text","text":"job 1234567890 was cancelled @"}]';
const partsOf = (members) => padded(`{"jsonrpc":"2.0","id":10000000,"result":{${members}}}`).split('10000000');
const resultParts = { legacy: partsOf(text), modern: partsOf(`"resultType":"complete",${text}`) };

export const resultText = (era, id) => resultParts[era][0] + id + resultParts[era][1];

/** Where the id begins in all of them. */
export const ID_AT = legacyCall.indexOf('10000000');

/** What a client sends beside the bytes, and a relay passes on. */
export const headersOf = {
  legacy: { 'mcp-session-id': 'bench-session', 'mcp-protocol-version': '2025-06-18' },
  modern: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'cancel_job' },
};
