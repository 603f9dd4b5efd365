import type { ServerResponse } from 'node:http';
import { sendJson, sendJsonText, writeJsonHead, type jsonRpcError } from '../../mcp/protocol/answers.js';

const MAX_SINGLE_WRITE_BYTES = 16 * 1024;

/**
 * Sends a JSON body; nothing when the client is gone. `text` is the body in Latin-1, in which each character is one
 * byte, so that head and body go out in one write.
 */
export const sendBody = (response: ServerResponse, body: Buffer, text: string): void => {
  if (response.destroyed) return;
  if (response.headersSent) return sendJsonText(response, 200, body.toString('utf8'));
  writeJsonHead(response, 200, body.length);
  if (body.length > MAX_SINGLE_WRITE_BYTES) return void response.end(body);
  // `end` with a text would send that and an empty one behind it: a list, which costs more than one text.
  response.cork();
  response.write(text, 'latin1');
  response.uncork();
  response.end();
};

/**
 * Sends an error in place of the rest of an answer, which may have begun. `isBody`: a JSON body has begun, which is
 * broken off.
 */
export const sendErrorAnswer = (
  response: ServerResponse,
  error: ReturnType<typeof jsonRpcError>,
  isBody: boolean,
): void => {
  if (!response.headersSent) sendJson(response, 200, error);
  else if (response.writableEnded) return;
  else if (isBody) response.destroy();
  else response.end(`data: ${JSON.stringify(error)}\n\n`);
};
