import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { isObject, type Json } from '../../../platform/json/json-object.js';

/**
 * The protobuf encoding of OTLP's logs (opentelemetry-proto 1.x, `logs/v1/logs.proto`, `common/v1/common.proto`,
 * `collector/logs/v1/logs_service.proto`). Messages come as objects in OTLP's JSON encoding: names in lowerCamelCase,
 * 64-bit numbers as texts, ids in hex. The numbers below are the fields' numbers there.
 */
type WriteField = (writer: BinaryWriter, value: unknown) => void;

/** A message's fields, by name, in the order of the .proto file. */
type Message = ReadonlyMap<string, WriteField>;

const textField =
  (number: number): WriteField =>
  (writer, value) => {
    if (typeof value === 'string' && value !== '') writer.tag(number, WireType.LengthDelimited).string(value);
  };

const countField =
  (number: number): WriteField =>
  (writer, value) => {
    if (Number.isSafeInteger(value) && Number(value) > 0) writer.tag(number, WireType.Varint).uint32(Number(value));
  };

const nanosField =
  (number: number): WriteField =>
  (writer, value) => {
    if (typeof value === 'string' || typeof value === 'number')
      writer.tag(number, WireType.Bit64).fixed64(String(value));
  };

const flagsField =
  (number: number): WriteField =>
  (writer, value) => {
    if (Number.isSafeInteger(value)) writer.tag(number, WireType.Bit32).fixed32(Number(value));
  };

const hexField =
  (number: number): WriteField =>
  (writer, value) => {
    if (typeof value === 'string' && value !== '')
      writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from(value, 'hex'));
  };

const writeMessage = (writer: BinaryWriter, message: Message, value: Json): void => {
  for (const [name, write] of message) {
    const member = value[name];
    if (member !== undefined && member !== null) write(writer, member);
  }
};

const messageField =
  (number: number, message: () => Message): WriteField =>
  (writer, value) => {
    if (!isObject(value)) return;
    writer.tag(number, WireType.LengthDelimited).fork();
    writeMessage(writer, message(), value);
    writer.join();
  };

const listField =
  (number: number, message: () => Message): WriteField =>
  (writer, value) => {
    const write = messageField(number, message);
    if (Array.isArray(value)) for (const item of value) write(writer, item);
  };

const arrayValue: Message = new Map([['values', listField(1, () => anyValue)]]);
const keyValueList: Message = new Map([['values', listField(1, () => keyValue)]]);

/** One of these is set, also to the empty text, to false or to 0. */
const anyValue: Message = new Map<string, WriteField>([
  ['stringValue', (writer, value) => void writer.tag(1, WireType.LengthDelimited).string(String(value))],
  ['boolValue', (writer, value) => void writer.tag(2, WireType.Varint).bool(value === true)],
  ['intValue', (writer, value) => void writer.tag(3, WireType.Varint).int64(String(value))],
  ['doubleValue', (writer, value) => void writer.tag(4, WireType.Bit64).double(Number(value))],
  ['arrayValue', messageField(5, () => arrayValue)],
  ['kvlistValue', messageField(6, () => keyValueList)],
  ['bytesValue', (writer, value) => writeBase64(writer, value)],
]);

const writeBase64 = (writer: BinaryWriter, value: unknown): void => {
  writer.tag(7, WireType.LengthDelimited).bytes(Buffer.from(String(value), 'base64'));
};

const keyValue: Message = new Map([
  ['key', textField(1)],
  ['value', messageField(2, () => anyValue)],
]);

const scope: Message = new Map([
  ['name', textField(1)],
  ['version', textField(2)],
  ['attributes', listField(3, () => keyValue)],
  ['droppedAttributesCount', countField(4)],
]);

const resource: Message = new Map([
  ['attributes', listField(1, () => keyValue)],
  ['droppedAttributesCount', countField(2)],
]);

const logRecord: Message = new Map([
  ['timeUnixNano', nanosField(1)],
  ['severityNumber', countField(2)],
  ['severityText', textField(3)],
  ['body', messageField(5, () => anyValue)],
  ['attributes', listField(6, () => keyValue)],
  ['droppedAttributesCount', countField(7)],
  ['flags', flagsField(8)],
  ['traceId', hexField(9)],
  ['spanId', hexField(10)],
  ['observedTimeUnixNano', nanosField(11)],
  ['eventName', textField(12)],
]);

const scopeLogs: Message = new Map([
  ['scope', messageField(1, () => scope)],
  ['logRecords', listField(2, () => logRecord)],
  ['schemaUrl', textField(3)],
]);

const resourceLogs: Message = new Map([
  ['resource', messageField(1, () => resource)],
  ['scopeLogs', listField(2, () => scopeLogs)],
  ['schemaUrl', textField(3)],
]);

const exportRequest: Message = new Map([['resourceLogs', listField(1, () => resourceLogs)]]);

/** An `ExportLogsServiceRequest` in OTLP's JSON encoding, as protobuf. */
export const encodeExportRequest = (request: Json): Buffer => {
  const writer = new BinaryWriter();
  writeMessage(writer, exportRequest, request);
  return Buffer.from(writer.finish());
};

/** `partial_success` of an `ExportLogsServiceResponse`: how many records were rejected, and why. */
export type PartialSuccess = Readonly<{ rejected: number; message: string }>;

const readPartialSuccess = (reader: BinaryReader, end: number): PartialSuccess => {
  let [rejected, message] = [0, ''];
  while (reader.pos < end) {
    const [number, type] = reader.tag();
    if (number === 1 && type === WireType.Varint) rejected = Number(reader.int64());
    else if (number === 2 && type === WireType.LengthDelimited) message = reader.string();
    else reader.skip(type, number);
  }
  return { rejected, message };
};

/**
 * Reads an `ExportLogsServiceResponse`; undefined for bytes that are none. An empty body is one, of a complete success.
 */
export const decodeExportResponse = (bytes: Uint8Array): PartialSuccess | undefined => {
  const reader = new BinaryReader(bytes);
  let found: PartialSuccess = { rejected: 0, message: '' };
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (number !== 1 || type !== WireType.LengthDelimited) {
        reader.skip(type, number);
        continue;
      }
      const length = reader.uint32();
      if (reader.pos + length > reader.len) return undefined;
      found = readPartialSuccess(reader, reader.pos + length);
    }
    return found;
  } catch {
    return undefined;
  }
};
