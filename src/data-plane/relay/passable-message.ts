import { parseObject, type Json } from '../../platform/json/json-object.js';
import { isTooWide } from '../../platform/json/foreign-json.js';
import { serverMessageText } from '../../mcp/protocol/response.js';
import { MessageScan } from './message-scan.js';

/** One whole message: what of it may pass, and what was found in it. */
export const scanMessage = (message: Buffer): Readonly<{ scan: MessageScan; passed: Buffer }> => {
  const scan = new MessageScan({ stopsAtList: false });
  const passed = [scan.feed(message), scan.end()];
  return { scan, passed: passed[1]?.length === 0 ? (passed[0] ?? passed[1]) : Buffer.concat(passed) };
};

/**
 * The response that a body or the data of an event is, as text and parsed, without what only Toolgate writes. There is
 * no message where it is no response, shows a list, has both a result and an error, or is too wide to be parsed.
 */
export const passableText = (body: Buffer): Readonly<{ text: string; message: Json | undefined }> => {
  const bare = serverMessageText(body.toString('utf8'));
  if (isTooWide(bare)) return NOTHING;
  const { scan, passed } = scanMessage(Buffer.from(bare));
  if (scan.isBroken || scan.hasList || (scan.has('error') && (scan.has('result') || scan.hasDeepList))) return NOTHING;
  const text = passed.toString('utf8');
  return { text, message: parseObject(text) };
};

const NOTHING = { text: '', message: undefined };

/** The same, parsed alone. */
export const passableMessage = (body: Buffer): Json | undefined => passableText(body).message;
