import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, Response } from 'express';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ClassifyGate } from '../../../src/control-plane/catalog/classify-gate.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A request of a network whose body does not end. */
const openRequest = (ip: string): Request => Object.assign(new IncomingMessage(new Socket()), { ip }) as never;

const enter = (gate: ClassifyGate, request: Request): Promise<void> =>
  gate.use(request, new ServerResponse(request) as Response, () => undefined);

test('bodies that do not end hold no place that another needs', async () => {
  const gate = new ClassifyGate();
  const slow = Array.from({ length: 16 }, (_, index) => openRequest(`192.0.2.${index >> 1}`));
  for (const request of slow) await enter(gate, request);
  await expect(enter(gate, openRequest('198.51.100.1'))).rejects.toMatchObject({ code: 'too_many_requests' });
  vi.advanceTimersByTime(2000);
  await enter(gate, openRequest('198.51.100.1'));
  expect(slow.map(({ socket }) => socket.destroyed)).toEqual([true, ...Array.from({ length: 15 }, () => false)]);
});
