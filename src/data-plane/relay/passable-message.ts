import { parseObject, type Json } from '../../platform/json/json-object.js';
import { isTooWide } from '../../platform/json/foreign-json.js';
import { MessageScan } from './message-scan.js';

/** One whole message: what of it may pass, and what was found in it. */
export const scanMessage = (message: Buffer): Readonly<{ scan: MessageScan; passed: Buffer }> => {
  const scan = new MessageScan({ stopsAtList: false });
  const passed = [scan.feed(message), scan.end()];
  return { scan, passed: passed[1]?.length === 0 ? (passed[0] ?? passed[1]) : Buffer.concat(passed) };
};

/**
 * The response that a body or the data of an event is, without what only this gateway writes; undefined where it is
 * none, shows a list, has both a result and an error, or is too wide to be parsed.
 */
export const passableMessage = (body: Buffer): Json | undefined => {
  if (isTooWide(body.toString('latin1'))) return undefined;
  const { scan, passed } = scanMessage(body);
  if (scan.isBroken || scan.hasList || (scan.has('error') && (scan.has('result') || scan.hasDeepList)))
    return undefined;
  return parseObject(passed.toString('utf8'));
};
