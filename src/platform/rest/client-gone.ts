import { guarded } from '../runtime/guard.js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Response } from 'express';

/**
 * A signal that is aborted when the connection closes before the answer was sent: for work that nobody else waits for.
 */
export const goneSignal = (response: Response): AbortSignal => {
  const controller = new AbortController();
  response.once(
    'close',
    guarded('client_gone', () => void (response.writableFinished || controller.abort())),
  );
  return controller.signal;
};

/** The `goneSignal` of the request's response. */
export const ClientGone = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal =>
  goneSignal(context.switchToHttp().getResponse<Response>()),
);
