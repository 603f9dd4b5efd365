import nodemailer from 'nodemailer';

/** One mail in plain text. `id` makes its Message-ID, so that one that is sent twice can be told. */
export type Mail = Readonly<{ id: string; to: readonly string[]; subject: string; text: string }>;

/**
 * Hands a mail to the mail server; rejects when the server did not take it, with an `Error` that names neither
 * credentials nor recipients.
 */
export type SendMail = (mail: Mail) => Promise<void>;

const TIMEOUT_MS = 10_000;
const DATA_TIMEOUT_MS = 20_000;

const codeOf = (error: unknown): string => {
  const { code, responseCode } = (typeof error === 'object' && error !== null ? error : {}) as Readonly<{
    code?: unknown;
    responseCode?: unknown;
  }>;
  return [code, responseCode].filter((part) => typeof part === 'string' || typeof part === 'number').join(' ');
};

/**
 * Mail over SMTP; one connection a mail, as there are few. `smtps:` is TLS from the start; `smtp:` takes STARTTLS where
 * it is offered, with `?requireTLS=true` always.
 */
export const makeSendMail = ({ url, from }: Readonly<{ url: string; from: string }>): SendMail => {
  const transport = nodemailer.createTransport({
    url,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: DATA_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = from.slice(from.lastIndexOf('@') + 1).replace(/[^A-Za-z0-9.-]/g, '') || 'toolgate';
  return async ({ id, to, subject, text }) => {
    try {
      await transport.sendMail({
        from,
        to: [...to],
        subject,
        text,
        messageId: `<${id}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
    } catch (error) {
      throw new Error(`the mail server did not take it: ${codeOf(error) || 'unknown'}`, { cause: error });
    }
  };
};
