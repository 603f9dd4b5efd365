import type { Change } from '../../record/event-store/event-store.js';
import { decideNotificationsChange } from './notifications.js';
import { notificationsStreamOf } from './notifications.store.js';
import { ALARMS, APPROVALS, settingsId } from './subjects.js';

/**
 * Takes an e-mail address, however it is capitalised, out of the settings of all notifications of the organization.
 * Those that don't have it stay as they are.
 */
export const forgetAddress = async (change: Change, email: string): Promise<void> => {
  const { organizationId } = change.caller;
  const isKept = (address: string): boolean => address.toLowerCase() !== email.toLowerCase();
  for (const subject of [ALARMS, APPROVALS]) {
    const stream = notificationsStreamOf(subject);
    const id = settingsId(subject, organizationId);
    const found = await stream.load(change.tx, organizationId, id);
    if (found === undefined || found.state.emails.every(isKept)) continue;
    const emails = found.state.emails.filter(isKept);
    await change.apply(stream, id, () => decideNotificationsChange(subject.event, { ...found.state, emails }));
  }
};
