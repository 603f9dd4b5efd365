import type { SendMail } from '../../../platform/outbound/mail.js';
import type { Database } from '../../../platform/postgres/database.js';
import { errorText, log } from '../../../platform/runtime/log.js';
import { startPollingLoop, type PollingLoop } from '../../../platform/runtime/polling-loop.js';
import { leaseDueMessages, pruneMessages, settleMessage, type DueMessage } from './contact.store.js';

/** `operators` get the mail; `sendMail` is undefined where this installation sends none. */
export type ContactDelivery = Readonly<{
  db: Database;
  sendMail: SendMail | undefined;
  operators: readonly string[];
}>;

const POLL_INTERVAL_MS = 5000;
const PRUNE_INTERVAL_MS = 3_600_000;

/** What a stranger wrote, without characters that turn a text around or end a line unseen. */
const plain = (text: string): string => text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');

const mailText = ({ name, email, message, createdAt }: DueMessage): string =>
  [
    'Somebody wrote through the contact page. What follows is theirs, and nobody checked it.',
    '',
    `From:  ${plain(name)} <${plain(email)}>`,
    `Time:  ${createdAt.toISOString()}`,
    '',
    ...plain(message.replaceAll('\r\n', '\n'))
      .split('\n')
      .map((line) => `> ${line}`),
    '',
  ].join('\n');

const deliver = async ({ db, operators }: ContactDelivery, sendMail: SendMail, due: DueMessage): Promise<void> => {
  const error = await sendMail({
    id: due.id,
    to: operators,
    subject: 'A message through the contact page',
    text: mailText(due),
  }).then(() => undefined, errorText);
  if (error !== undefined) log.warn('a message of the contact page was not mailed', { id: due.id, error });
  await settleMessage(db, due, error);
};

/**
 * Mails messages of the contact page to the operators, again after a failure and for about a day, and forgets them
 * after half a year. Without mail or operators they are kept only.
 */
export const startContactDelivery = (deps: ContactDelivery): PollingLoop => {
  const { db, sendMail, operators } = deps;
  let prunedAt = Number.NEGATIVE_INFINITY;
  const round = async (): Promise<number> => {
    if (performance.now() - prunedAt > PRUNE_INTERVAL_MS) {
      await pruneMessages(db);
      prunedAt = performance.now();
    }
    if (!sendMail || operators.length === 0) return PRUNE_INTERVAL_MS;
    const due = await leaseDueMessages(db);
    for (const one of due) await deliver(deps, sendMail, one);
    return due.length > 0 ? 0 : POLL_INTERVAL_MS;
  };
  return startPollingLoop(round, { failed: 'mailing contact messages failed', retryDelayMs: POLL_INTERVAL_MS });
};
