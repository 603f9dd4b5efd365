import { afterEach, expect, test, vi } from 'vitest';
import { Directory } from '../../../src/data-plane/directory/directory.js';
import { Vault } from '../../../src/platform/crypto/vault.js';
import { open } from '../audit/audit-support.js';

const HOUR_MS = 3_600_000;

afterEach(() => void vi.useRealTimers());

test(
  'facts are as old as the clock says that went further: a suspended machine wakes with old ones, ' +
    'and a wall clock that is set back makes none new',
  async () => {
    const at = await open();
    const directory = new Directory(at.db, new Vault(Buffer.alloc(32, 7)));
    try {
      expect(directory.ageMs()).toBe(Number.POSITIVE_INFINITY);
      await directory.start();
      await directory.stop();
      const now = Date.now();
      vi.useFakeTimers({ toFake: ['Date'], now: now + HOUR_MS });
      expect(directory.ageMs()).toBeGreaterThan(HOUR_MS - 1000);
      vi.setSystemTime(now - HOUR_MS);
      expect(directory.ageMs()).toBeGreaterThan(0);
      expect(directory.ageMs()).toBeLessThan(60_000);
    } finally {
      vi.useRealTimers();
      await at.close();
    }
  },
);
