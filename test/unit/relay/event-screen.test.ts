import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Caller } from '../../../src/mcp/protocol/caller.js';
import { EventScreen, mayRequest } from '../../../src/data-plane/relay/event-screen.js';

const caller = (clientCapabilities: unknown, era: Caller['era'] = 'legacy'): Caller => ({
  era,
  sessionId: 's',
  upstreamSession: undefined,
  protocolVersion: '2025-11-25',
  clientCapabilities,
});

test.each([
  [{ roots: {} }, 'roots/list', true],
  [{ roots: {} }, 'sampling/createMessage', false],
  [{ sampling: {} }, 'sampling/createMessage', true],
  [{ elicitation: { url: {} } }, 'elicitation/create', true],
  [{}, 'elicitation/create', false],
  [{}, 'ping', true],
  [{}, 'x.example/ask', false],
  [{ extensions: {} }, 'x.example/ask', true],
  [{ extensions: {} }, 'roots/list', false],
  [{}, 'constructor', false],
  [null, 'ping', false],
] as const)('a client with %j may be asked %s: %s', (capabilities, method, expected) => {
  expect(mayRequest(caller(capabilities), method)).toBe(expected);
  expect(mayRequest(caller(capabilities, 'modern'), method)).toBe(false);
});

const passed = (
  chunks: readonly string[],
  capabilities: unknown = {},
): Readonly<{ text: string; refused: readonly unknown[] }> => {
  const refused: unknown[] = [];
  const screen = new EventScreen(
    { caller: caller(capabilities), own: 1 },
    { refused: (asked) => refused.push(asked), dropped: () => undefined },
  );
  const text = chunks
    .map((chunk) => screen.pass(Buffer.from(chunk)))
    .map(String)
    .join('');
  return { text, refused };
};

const request = (id: number, method: string): string =>
  `event: message\nid: ${id}\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, method, params: {} })}\n\n`;
const listOf = (id: number, items: string): string =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { [items]: [{ name: 'x' }] } })}\n\n`;
const strayLists = [
  listOf(1, 'tools'),
  'data: no JSON "method"\n\n',
  'data: {"jsonrpc":"2.0","id":9,"result":{"structuredContent":{"tools":[]}}}\n\n',
  'data: {"jsonrpc":"2.0","id":7,"result":{"tools":[],"x":NaN}}\n\n',
  'data: [{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}]\n\n',
  'data: {"jsonrpc":"2.0","id":7,"result":{"a":\ndata: {"method":"notifications/x"},"tools":[]}}\n\n',
  'data: {"jsonrpc":"2.0","method":"notifications/x"}\u2028\u2028data: ' +
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[]}}\n\n',
  'data: {"jsonrpc":"2.0","id":7,"result":{"tool\u017f":[]}}\n\n',
  ': \u2028data: {"jsonrpc":"2.0","id":7,"result":{"tool\u017f":[]}}\n\n',
  ': \u2028data: {"jsonrpc":"2.0","id":7,"result":{"tools":[]}}\n\n',
  'id: \u2028data: {"jsonrpc":"2.0","id":7,"result":{"tools":[]}}\ndata: ' +
    '{"jsonrpc":"2.0","method":"notifications/x"}\n\n',
  ...['tools', 'prompts', 'resources', 'resourceTemplates'].map((items) => listOf(7, items)),
  `data: ${JSON.stringify({ jsonrpc: '2.0', id: 7, result: { tools: [] } }).replace('tools', '\\u0074ools')}\n\n`,
];
const others = [
  'data: {"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"tools":[]},"resources":7}}\n\n',
  'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n',
  'data: ' +
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text",' +
    '"text":"\\"method\\":\\"sampling/createMessage\\""}]}}\n\n',
  ': keep-alive\n\n',
  'id: 7\ndata:\n\n',
  'data: {"jsonrpc":"2.0","id":9,"result":{"structuredContent":{"method":"sampling/createMessage"}}}\r\n\r\n',
];

test(
  'whatever the chunks: requests that the client can not answer and lists that nobody asked for ' +
    'here are taken out, everything else passes byte for byte',
  () => {
    const event = fc.oneof(
      fc.constantFrom(...others).map((text) => ({ text, shown: true, asks: false })),
      fc.constantFrom(...strayLists).map((text) => ({ text, shown: false, asks: false })),
      fc.nat(99).map((id) => ({ text: request(id, 'sampling/createMessage'), shown: false, asks: true })),
      fc.nat(99).map((id) => ({ text: request(id, 'roots/list'), shown: true, asks: true })),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 8 }), (events, places) => {
        const whole = events.map(({ text }) => text).join('');
        const at = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((one, other) => one - other);
        const chunks = [0, ...at].map((from, index) => whole.slice(from, at[index] ?? whole.length));
        const { text, refused } = passed(chunks, { roots: {} });
        expect(text).toBe(
          events
            .filter(({ shown }) => shown)
            .map((one) => one.text)
            .join(''),
        );
        expect(refused).toHaveLength(events.filter(({ shown, asks }) => asks && !shown).length);
      }),
      { numRuns: 2000 },
    );
  },
);

test('a result too long to wait for passes as it comes, and what follows is looked at again', () => {
  const long =
    'data: ' +
    `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"${'x'.repeat(3 * 1024 * 1024)}"}]}}\n\n`;
  const chunks = Array.from({ length: Math.ceil(long.length / 65_536) }, (_, index) =>
    long.slice(index * 65_536, (index + 1) * 65_536),
  );
  const { text, refused } = passed([...chunks, request(2, 'sampling/createMessage'), others[0] ?? '']);
  expect(text).toBe(long + (others[0] ?? ''));
  expect(refused).toEqual([{ id: 2, method: 'sampling/createMessage' }]);
});
