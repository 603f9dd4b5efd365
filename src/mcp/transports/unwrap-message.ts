import { elementsOf } from '../wire/json-text.js';

const BYTE_ORDER_MARK = 0xfeff;

/** A message without a byte order mark, and out of a batch that holds nothing else: some servers send these. */
export const unwrapMessage = (text: string): string => {
  const message = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  if (!message.startsWith('[')) return message;
  const [only, ...others] = elementsOf(message);
  return only !== undefined && others.length === 0 ? only : message;
};
