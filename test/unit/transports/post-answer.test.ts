import { expect, test } from 'vitest';
import { errorFor } from '../../../src/mcp/transports/post-answer.js';

const REFUSAL = '{"jsonrpc":"2.0","id":null,"error":{"code":-32050,"message":"no"}}';

test('a refusal ends the request that it refuses, and never a request that has the id of a refused response', () => {
  expect(errorFor(Buffer.from('{"jsonrpc":"2.0","id":7,"method":"tools/call"}'), REFUSAL)).toContain('"id":7');
  expect(errorFor(Buffer.from('{"jsonrpc":"2.0","id":7,"result":{}}'), REFUSAL)).toBeUndefined();
});
