import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeExportResponse, encodeExportRequest } from '../../../src/record/log-streams/kinds/otlp-protobuf.js';

describe('OTLP as protobuf', () => {
  test('a request is what the wire format prescribes, to the byte', () => {
    const request = {
      resourceLogs: [
        {
          resource: { attributes: [{ key: 'a', value: { stringValue: 'b' } }] },
          scopeLogs: [
            {
              logRecords: [
                {
                  timeUnixNano: '1',
                  severityNumber: 9,
                  body: { stringValue: '' },
                  attributes: [
                    { key: 'n', value: { intValue: '-1' } },
                    { key: 't', value: { boolValue: false } },
                  ],
                  traceId: '00112233445566778899aabbccddeeff',
                  observedTimeUnixNano: '18446744073709551615',
                  eventName: 'x',
                },
              ],
            },
          ],
        },
      ],
    };
    const record = [
      '090100000000000000', // time_unix_nano = 1, fixed64
      '1009', // severity_number = 2
      '2a020a00', // body = 5: string_value = 1, empty and set
      '3210' + '0a016e' + '120b' + '18ffffffffffffffffff01', // attributes = 6: int_value = 3
      '3207' + '0a0174' + '1202' + '1000', // bool_value = 2, false and set
      '4a10' + '00112233445566778899aabbccddeeff', // trace_id = 9
      '59ffffffffffffffff', // observed_time_unix_nano = 11
      '620178', // event_name = 12
    ].join('');
    const length = (hex: string): string => (hex.length / 2).toString(16).padStart(2, '0');
    const scopeLogs = `12${length(record)}${record}`;
    const resource = '0a0a' + '0a08' + '0a0161' + '1203' + '0a0162';
    const resourceLogs = `${resource}12${length(scopeLogs)}${scopeLogs}`;
    expect(encodeExportRequest(request).toString('hex')).toBe(`0a${length(resourceLogs)}${resourceLogs}`);
  });

  test.each([
    ['', { rejected: 0, message: '' }],
    ['0a00', { rejected: 0, message: '' }],
    ['0a0808ac02' + '1203626164', { rejected: 300, message: 'bad' }],
    ['1a0178' + '0a020805', { rejected: 5, message: '' }],
    ['0a0808ac02', undefined],
    ['48545450', undefined],
  ])('a response of the bytes %s is read as %j', (hex, expected) => {
    expect(decodeExportResponse(Buffer.from(hex, 'hex'))).toEqual(expected);
  });

  test('no bytes that a receiver may answer make reading throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(() => decodeExportResponse(bytes)).not.toThrow();
      }),
    );
  });
});
