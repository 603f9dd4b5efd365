import { expect, test, vi } from 'vitest';
import {
  ApprovalTasks,
  RESULT_TTL_MS,
  type ApprovalTask,
  type HeldTask,
} from '../../../src/data-plane/gateway/held/approval-tasks.js';
import { APPROVAL_TASK_QUOTA } from '../../../src/platform/fair-shares/data-plane-quotas.js';

const MIB = 2 ** 20;
let count = 0;
const held = (organizationId: string, grantId: string, bytes = 100): HeldTask => {
  count += 1;
  const exchange = { body: Buffer.alloc(bytes), who: { organization: { id: organizationId }, grant: { id: grantId } } };
  return { exchange, wait: { approvalId: `apr_${count}` } } as unknown as HeldTask;
};

test(
  'Tasks of one organization, and the results that they keep, leave room for those of another, and ' + 'are given back',
  () => {
    vi.useFakeTimers();
    const tasks = new ApprovalTasks();
    const now = new Date();
    const fill = (): readonly ApprovalTask[] => {
      const made: ApprovalTask[] = [];
      for (let index = 0; index < 1000; index += 1) {
        const task = tasks.add(held('org_loud', `grt_${index % 20}`), now);
        if (task) made.push(task);
      }
      return made;
    };
    const made = fill();
    expect(made).toHaveLength(APPROVAL_TASK_QUOTA.organization.count);
    const results = made.slice(0, 40);
    for (const task of results) tasks.end(task, { status: 'completed', result: { text: 'x'.repeat(MIB) } }, now);
    expect(results.filter(({ state }) => state.status === 'completed')).toHaveLength(23);
    const quiet = tasks.add(held('org_quiet', 'grt_quiet'), now);
    if (!quiet) throw new Error('there is no room for the other organization');
    tasks.end(quiet, { status: 'completed', result: { text: 'x'.repeat(MIB) } }, now);
    expect(quiet.state.status).toBe('completed');
    for (const task of made) tasks.end(task, { status: 'cancelled' }, now);
    vi.advanceTimersByTime(RESULT_TTL_MS + 1);
    expect(fill()).toHaveLength(APPROVAL_TASK_QUOTA.organization.count);
    vi.useRealTimers();
  },
);
