import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hideArguments, hidePath, looksSecret, secretsInArguments } from '../../../src/platform/crypto/secret-text.js';

const SECRETS = [
  'glpat-abcdefghij',
  'ghp_1234567890',
  'sk-proj-0123456789',
  'xoxb-123-456',
  'eyJhbGciOiJIUzI1NiJ9',
  'AKIAIOSFODNN7EXAMPLE',
  'npm_abcdefghij',
  '550e8400-e29b-41d4-a716-446655440000',
  '550e8400e29b41d4a716446655440000',
  'deadbeef01234567',
  'd41d8cd98f00b204e9800998ecf8427e',
  'NDk4ZjE2YzctYjA4Zi00ZjM0',
  'x7Gh92kLmQ01',
  'qwertyuiopasdfghjklzxcvbnm',
  'Zm9vYmFyYmF6cXV4Zm9vYmFy',
  '12345:AAFz_9kQx7LmNoPqRs',
];
const NAMES = [
  'mcp',
  'sse',
  'v1',
  'streamable-http',
  'streamable-http-endpoint',
  'model-context-protocol-server',
  'project-2024-production',
  'customer_support_agent',
  'modelcontextprotocol',
  'getMergeRequests',
  '8080',
  '20261130',
  'main',
  'index.js',
  'https',
  'example.com',
];

describe('a text', () => {
  test.each(SECRETS)('like %s looks like a secret', (text) => expect(looksSecret(text)).toBe(true));
  test.each(NAMES)('like %s looks like a name', (text) => expect(looksSecret(text)).toBe(false));

  test('of 20 or more random characters looks like a secret', () => {
    const token = fc.string({
      unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'),
      minLength: 24,
      maxLength: 64,
    });
    fc.assert(
      fc.property(
        token.filter((text) => /\d.*\d/.test(text) && /[a-z]/.test(text)),
        looksSecret,
      ),
    );
  });
});

describe('the path of a URL', () => {
  test.each([
    ['/mcp', '/mcp'],
    ['/v1/streamable-http/mcp', '/v1/streamable-http/mcp'],
    ['/s/NDk4ZjE2YzctYjA4Zi00ZjM0/mcp', '/s/***/mcp'],
    ['/api/%67lpat-abcdefghij/', '/api/***/'],
    ['/token/abc/mcp', '/token/***/mcp'],
    ['/oauth/mcp', '/oauth/mcp'],
    ['/bot12345:AAFz_9kQx7LmNoPqRs/mcp', '/***/mcp'],
    ['/;key=x7Gh92kLmQ01/mcp', '/***/mcp'],
  ])('%s is shown as %s', (path, shown) => expect([hidePath(path), hidePath(shown)]).toEqual([shown, shown]));
});

describe('the arguments of a command', () => {
  test.each<readonly [readonly string[], readonly string[]]>([
    [
      ['-y', '@modelcontextprotocol/server-filesystem', '/home/ada/projects'],
      ['-y', '@modelcontextprotocol/server-filesystem', '/home/ada/projects'],
    ],
    [
      ['--token', 'abc', '--verbose'],
      ['--token', '***', '--verbose'],
    ],
    [
      ['--token', '-abc'],
      ['--token', '***'],
    ],
    [
      ['--no-auth', '--port', '8080'],
      ['--no-auth', '--port', '8080'],
    ],
    [
      ['--api-key=abc', '--name=agent'],
      ['--api-key=***', '--name=agent'],
    ],
    [
      ['--author=ada', 'PASSWORD=x', 'HOME=/root'],
      ['--author=ada', 'PASSWORD=***', 'HOME=/root'],
    ],
    [
      ['--endpoint', 'glpat-abcdefghij'],
      ['--endpoint', '***'],
    ],
    [['--id=x7Gh92kLmQ01'], ['--id=***']],
    [
      ['--header', 'X-Team: blue'],
      ['--header', 'X-Team: ***'],
    ],
    [
      ['-H', 'whatever'],
      ['-H', '***'],
    ],
    [['Authorization: Bearer x'], ['Authorization: ***']],
    [['https://mcp.example.com/sse'], ['https://mcp.example.com/sse']],
    [['https://mcp.example.com/s/NDk4ZjE2YzctYjA4Zi00ZjM0?key=abc'], ['https://mcp.example.com/s/***?key=***']],
    [['postgres://ada:hunter2@db.example.com/main'], ['postgres://***@db.example.com/main']],
    [['--url=https://ada@example.com/'], ['--url=https://***@example.com/']],
    [
      ['-c', 'curl -H "Authorization: Bearer x" https://example.com'],
      ['-c', '***'],
    ],
    [['{"apiKey":"x"}'], ['***']],
    [['-glpat-abcdefghij'], ['***']],
  ])('%j are shown as %j', (args, shown) =>
    expect([hideArguments(args), hideArguments(shown)]).toEqual([shown, shown]),
  );

  test('the arguments of a command are told apart from the secrets in them', () => {
    expect(secretsInArguments(['--token', 'abc', '--api-key=def', '--name=agent'])).toEqual([
      'abc',
      'abc',
      '--api-key=def',
      'def',
    ]);
  });
});
