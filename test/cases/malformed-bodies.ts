/**
 * Bodies of POST /mcp that are not one well-formed JSON-RPC message, with the JSON-RPC error code they are answered
 * with. `inParams`: all but the params of a call with the id 1 can be read, so that it is refused under that id.
 */
export type MalformedBody = Readonly<{ name: string; body: Buffer; code: -32700 | -32600; inParams: boolean }>;

const row =
  (code: -32700 | -32600, inParams = false) =>
  (name: string, body: string | Buffer): MalformedBody => ({ name, body: Buffer.from(body as string), code, inParams });
const unparsable = row(-32700);
const invalid = row(-32600);
const faulty = row(-32600, true);

const good = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"cancel_job","arguments":{"job_id":7}}}';
/** A good message with a raw JSON value as argument `a`, raw members of `arguments`, or raw members of `params`. */
const withArgument = (json: string): string => withArguments(`"a":${json}`);
const withArguments = (members: string): string => withParams(`"name":"cancel_job","arguments":{${members}}`);
const withParams = (members: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${members}}}`;
const envelope = (members: string): string => `{"jsonrpc":"2.0",${members}}`;

const nest = (open: string, core: string, close: string, depth: number): string =>
  open.repeat(depth) + core + close.repeat(depth);
const keys = (count: number): string => Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',');

const notUtf8: readonly (readonly [string, readonly number[]])[] = [
  ['a lone continuation byte', [0x80]],
  ['two continuation bytes', [0xbf, 0xbf]],
  ['a cut two-byte sequence', [0xc3]],
  ['a cut three-byte sequence', [0xe2, 0x82]],
  ['a cut four-byte sequence', [0xf0, 0x9f, 0x98]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['an overlong slash in three bytes', [0xe0, 0x80, 0xaf]],
  ['an overlong NUL', [0xc0, 0x80]],
  ['an encoded high surrogate', [0xed, 0xa0, 0x80]],
  ['an encoded low surrogate', [0xed, 0xb0, 0x80]],
  ['a surrogate pair in six bytes', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ['a code point over U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['a five-byte sequence', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ['byte FE', [0xfe]],
  ['byte FF', [0xff]],
  ['a Latin-1 letter', [0xe9]],
];

const bytesRows = [
  ...notUtf8.map(([name, bytes]) =>
    unparsable(
      `invalid UTF-8: ${name}`,
      Buffer.from(withArgument('"@"').replace('@', Buffer.from(bytes).toString('latin1')), 'latin1'),
    ),
  ),
  unparsable('invalid UTF-8 in a key', Buffer.from(withArguments('"\xff":1'), 'latin1')),
  unparsable('a UTF-8 byte order mark', `\ufeff${good}`),
  unparsable('two byte order marks', `\ufeff\ufeff${good}`),
  unparsable('UTF-16 little endian', Buffer.from(good, 'utf16le')),
  unparsable('UTF-16 with its byte order mark', Buffer.from(`\ufeff${good}`, 'utf16le')),
];

const brokenTexts: readonly string[] = [
  '',
  ' ',
  '\n',
  '{',
  '}',
  '[',
  ']',
  '"',
  '{"',
  'nul',
  'True',
  'NaN',
  'Infinity',
  '-',
  'undefined',
  "{'jsonrpc':'2.0'}",
  '{jsonrpc:"2.0"}',
  'GET / HTTP/1.1',
  '<xml/>',
  'a=1&b=2',
  '\0',
  '{"jsonrpc"}',
  '{"jsonrpc":}',
  '{,}',
  '{"jsonrpc":"2.0",}',
  '[1,]',
  '[,1]',
  '{"a":1 "b":2}',
  '{"a" 1}',
  '{1:2}',
  '{null:1}',
  '{"a"::1}',
  '// hi',
  '/**/{}',
  '#',
  'data: {}',
];
const brokenTails: readonly string[] = [
  'x',
  '}',
  ']',
  ',',
  '{}',
  'null',
  '\0',
  '//',
  ` ${good}`,
  `\n${good}`,
  `,${good}`,
  '\ufeff',
  '\u00a0',
  ';',
  '"',
];
const brokenValues: readonly string[] = [
  '01',
  '-01',
  '00',
  '+1',
  '.5',
  '5.',
  '-.5',
  '1e',
  '1e+',
  '1.e1',
  '0x10',
  '0b1',
  '1_000',
  '--1',
  '1-',
  '1.2.3',
  '1e1e1',
  '1e1.5',
  'NaN',
  'Infinity',
  '-Infinity',
  '1n',
  'true1',
  'TRUE',
  'None',
  "'a'",
  '`a`',
  '"\\x41"',
  '"\\u12"',
  '"\\u{41}"',
  '"\\u00zz"',
  '"\\0"',
  '"\\\'"',
  '"a\nb"',
  '"a\tb"',
  '"a\0b"',
  '"\x1f"',
  '"unclosed',
  '"\\',
  '[1 2]',
  '[1,,2]',
  '{"b":}',
  '{"b"}',
  '{"b":1,}',
  '(1)',
  'undefined',
];

const unparsableRows = [
  ...brokenTexts.map((text) => unparsable(`no JSON: ${JSON.stringify(text)}`, text)),
  ...brokenTails.map((tail) => unparsable(`trailing data: ${JSON.stringify(tail.slice(0, 12))}`, good + tail)),
  ...brokenValues.map((value) => unparsable(`no JSON value: ${JSON.stringify(value)}`, withArgument(value))),
  ...[1, 10, 20, 40, 60, 80, good.length - 1].map((length) =>
    unparsable(`cut off after ${length} bytes`, good.slice(0, length)),
  ),
  unparsable('a non-breaking space as white space', `\u00a0${good}`),
  unparsable('a form feed as white space', `\f${good}`),
];

const duplicateRows = [
  ...['jsonrpc', 'id', 'method', 'params'].map((key) => {
    const value = JSON.stringify((JSON.parse(good) as Record<string, unknown>)[key]);
    return invalid(`the key ${key} twice with equal values`, `${good.slice(0, -1)},"${key}":${value}}`);
  }),
  invalid(
    'the method twice, first wins or last wins',
    envelope('"id":1,"method":"tools/list","method":"tools/call","params":{"name":"x"}'),
  ),
  faulty('the tool name twice', withParams('"name":"list_jobs","name":"cancel_job"')),
  faulty('the tool name twice, once escaped', withParams('"name":"list_jobs","n\\u0061me":"cancel_job"')),
  faulty('arguments twice', withParams('"name":"x","arguments":{"a":1},"arguments":{"a":2}')),
  faulty('arguments twice, the second null', withParams('"name":"x","arguments":{"a":1},"arguments":null')),
  ...[
    '"a":1,"a":2',
    '"a":1,"a":1',
    '"a":1,"\\u0061":2',
    '"\\u0061":1,"\\u0061":2',
    '"":1,"":2',
    '"1":1,"1":2',
    '"é":1,"\\u00e9":2',
    '"\\n":1,"\\u000a":2',
    '"\\/":1,"/":2',
    '"\\"":1,"\\u0022":2',
    '"😀":1,"\\ud83d\\ude00":2',
    '"__proto__":1,"__proto__":2',
    '"__proto__":{},"\\u005f_proto__":{}',
    '"constructor":1,"constructor":2',
    '"a":1,"b":2,"c":3,"a":4',
    '"b":{"c":{"d":1,"d":2}}',
    '"b":[{"c":1,"c":2}]',
    '"b":[[[{"c":1},{"c":1,"c":1}]]]',
    '"a":{"x":1},"a":{"y":1}',
    '"\\u0041":1,"\\u0041":2',
    '"A":1,"\\u0041":2',
    '"toString":1,"toString":2',
    '"a\\\\":1,"a\\u005c":2',
  ].map((members) => faulty(`duplicate keys in arguments: ${members}`, withArguments(members))),
  faulty('a key of _meta twice', withParams('"name":"x","_meta":{"progressToken":1,"progressToken":2}')),
  faulty('a key twice after 200 others', withArguments(`${keys(200)},"k0":1`)),
];

const caseRows = [
  ...[
    'Jsonrpc',
    'JSONRPC',
    'jsonRpc',
    'ID',
    'Id',
    'iD',
    'Method',
    'METHOD',
    'Params',
    'PARAMS',
    'Result',
    'Error',
    '\u0131d',
    'param\u017f',
    'M\u0045thod',
  ].map((key) => invalid(`the key ${key} beside a message's own`, `${good.slice(0, -1)},"${key}":{}}`)),
  ...[
    'Name',
    'NAME',
    'nAme',
    'Arguments',
    'ARGUMENTS',
    'argument\u017f',
    '_Meta',
    '_META',
    'Uri',
    'URI',
    'ur\u0131',
    'Cursor',
    'CURSOR',
    'N\\u0061me',
  ].map((key) => faulty(`the key ${key} in params`, withParams(`"name":"cancel_job","${key}":"x"`))),
  faulty('Name alone', withParams('"Name":"cancel_job"')),
  faulty('two unknown keys of params that differ in case', withParams('"name":"x","task":1,"Task":2')),
  faulty('two unknown keys of params that differ by the Kelvin sign', withParams('"name":"x","task":1,"tas\u212a":2')),
  invalid('Method alone', envelope('"id":1,"Method":"tools/list"')),
];

/** Numbers that no double holds. */
export const inexactNumbers: readonly string[] = [
  '9007199254740993',
  '-9007199254740993',
  '9007199254740995',
  '12345678901234567890',
  '100000000000000000000001',
  '1e400',
  '-1e400',
  '1e309',
  '1.8e308',
  '1e-400',
  '4e-324',
  '1e99999',
  '0.1000000000000000055511151231257827',
  '0.10000000000000000555',
  '3.14159265358979323846',
  '1.00000000000000001',
  '0.30000000000000000001',
  '9007199254740992.5',
  '123456789.123456789123',
  '1234567890.12345678901',
  '9007199254740993.0',
  '9007199254740993e0',
  '900719925474099300e-2',
  '18446744073709551615',
  '9223372036854775807',
  '1e-99999999999',
  `1${'0'.repeat(309)}`,
  `0.${'0'.repeat(330)}1`,
  `1.${'0'.repeat(30)}1`,
];

const ambiguousRows = [
  faulty('a number of 401 characters that no double holds', withArgument('9'.repeat(401))),
  ...[...inexactNumbers, '1.5', 'true', '[]', '{}'].map((number) =>
    faulty(`the progressToken ${number.slice(0, 40)}`, withParams(`"name":"x","_meta":{"progressToken":${number}}`)),
  ),
  ...inexactNumbers
    .slice(0, 6)
    .map((number) => invalid(`an inexact number as id: ${number}`, envelope(`"id":${number},"method":"ping"`))),
  ...[
    '\\ud800',
    '\\udfff',
    '\\uDC00\\uD800',
    'a\\ud83d',
    '\\ud83d\\ud83d\\ude00',
    '\\ude00x',
    '\\ud83dx\\ude00',
    '\\uDBFF\\u0041',
    '\\ud83d\\\\ude00',
    '\\ud83d😀',
  ].map((text) => faulty(`a lone surrogate: ${text}`, withArgument(`"${text}"`))),
  faulty('a lone surrogate in a key', withArguments('"\\ud800":1')),
  faulty('a lone surrogate in the tool name', withParams('"name":"cancel_job\\udc00"')),
  invalid('a lone surrogate in the method', envelope('"id":1,"method":"ping\\ud800"')),
  invalid('a lone surrogate in the id', envelope('"id":"\\ud800","method":"ping"')),
  ...[62, 63, 100, 1000, 100_000].map((depth) =>
    faulty(`${depth} arrays inside arguments`, withArgument(nest('[', '', ']', depth))),
  ),
  ...[62, 100, 1000].map((depth) =>
    faulty(`${depth} objects inside arguments`, withArgument(nest('{"a":', '1', '}', depth))),
  ),
  faulty('arrays and objects in turn, 70 deep', withArgument(nest('[{"a":', '1', '}]', 35))),
  invalid('65 arrays as the whole body', nest('[', '', ']', 65)),
  invalid('a bomb of 100,000 open arrays', '['.repeat(100_000)),
  ...[
    '"__proto__":{"polluted":1}',
    '"__proto__":null',
    '"__pro\\u0074o__":1',
    '"constructor":{"prototype":{"polluted":1}}',
    '"\\u0063onstructor":{"\\u0070rototype":1}',
    '"a":[{"b":{"__proto__":[]}}]',
  ].map((members) => faulty(`a key that leads to a prototype: ${members}`, withArguments(members))),
  faulty(
    'a key that leads to a prototype beside the arguments',
    withParams('"name":"cancel_job","_meta":{"__proto__":1}'),
  ),
  faulty('100,001 keys in all', withArguments(keys(100_001))),
  faulty(
    '200,000 keys in many objects',
    withArgument(`[${Array.from({ length: 2000 }, () => `{${keys(100)}}`).join(',')}]`),
  ),
];

const shapeRows = [
  ...['null', 'true', 'false', '0', '1', '-0', '1.5', '""', '"ping"', '[]', '[[]]', '[1]', '{}', '[null]'].map((text) =>
    invalid(`a body of ${text}`, text),
  ),
  invalid('a batch of one', `[${good}]`),
  invalid('a batch of two', `[${good},${good}]`),
  invalid('a batch of notifications', '[{"jsonrpc":"2.0","method":"notifications/initialized"}]'),
  ...['"1.0"', '"2"', '"2.00"', '2', '2.0', 'null', '["2.0"]', '""', 'true', '"2.0 "'].map((version) =>
    invalid(`jsonrpc is ${version}`, `{"jsonrpc":${version},"id":1,"method":"ping"}`),
  ),
  invalid('no jsonrpc', '{"id":1,"method":"ping"}'),
  ...['null', '1.5', 'true', 'false', '[]', '[1]', '{}', '{"a":1}', '1e21', '9007199254740992', '-0.5'].flatMap(
    (id) => [
      invalid(`a request with the id ${id}`, envelope(`"id":${id},"method":"ping"`)),
      invalid(`a response with the id ${id}`, envelope(`"id":${id},"result":{}`)),
    ],
  ),
  ...['null', '1', 'true', '[]', '{}', '["ping"]'].map((method) =>
    invalid(`the method ${method}`, envelope(`"id":1,"method":${method}`)),
  ),
  ...['1', '0', 'true', '""', '"x"', '[]', '[{}]', '["cancel_job",{}]'].map((params) =>
    faulty(`params are ${params}`, envelope(`"id":1,"method":"tools/call","params":${params}`)),
  ),
  invalid('a method and a result', envelope('"id":1,"method":"ping","result":{}')),
  invalid('a method and an error', envelope('"id":1,"method":"ping","error":{"code":1,"message":"x"}')),
  invalid('a result and an error', envelope('"id":1,"result":{},"error":{"code":1,"message":"x"}')),
  invalid('a result and params', envelope('"id":1,"result":{},"params":{}')),
  invalid('neither method nor result nor error', envelope('"id":1')),
  invalid('only params', envelope('"id":1,"params":{}')),
  invalid('a result without an id', envelope('"result":{}')),
  ...['null', '1', '"x"', '[]', 'true'].map((result) =>
    invalid(`the result ${result}`, envelope(`"id":1,"result":${result}`)),
  ),
  ...[
    'null',
    '1',
    '"x"',
    '[]',
    '{}',
    '{"code":1}',
    '{"message":"x"}',
    '{"code":"1","message":"x"}',
    '{"code":1.5,"message":"x"}',
    '{"code":1,"message":2}',
    '{"code":null,"message":"x"}',
  ].map((error) => invalid(`the error ${error}`, envelope(`"id":1,"error":${error}`))),
];

export const malformedBodies: readonly MalformedBody[] = [
  ...bytesRows,
  ...unparsableRows,
  ...duplicateRows,
  ...caseRows,
  ...ambiguousRows,
  ...shapeRows,
];
