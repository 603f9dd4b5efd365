import type { Request } from 'express';
import { checkMembers } from '../../../platform/rest/body-validation.js';
import { readBytes } from '../../../platform/rest/json-body.js';
import { Problem } from '../../../platform/runtime/problems.js';
import type { ContactForm } from '../views/contact.view.js';
import { SendContactMessage } from './contact.dto.js';

const MAX_FORM_BYTES = 16 * 1024;
const FORM_TYPE = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i;

/** What the form of the contact page sends. `isTrapped`: a program filled the field that people do not see. */
export type SentForm = Readonly<{ typed: ContactForm; isTrapped: boolean }>;

/**
 * Reads the form of a request. @throws Problem too_large over 16 KiB, invalid_body for what is no form
 */
export const readForm = async (request: Request): Promise<SentForm> => {
  if (!FORM_TYPE.test(request.headers['content-type'] ?? '') || request.headers['content-encoding'] !== undefined)
    throw new Problem('invalid_body', 'Send the form of /contact, or JSON to POST /v1/contact.');
  const fields = new URLSearchParams((await readBytes(request, MAX_FORM_BYTES)).toString('utf8'));
  const field = (name: string): string => (fields.get(name) ?? '').trim();
  return {
    typed: { name: field('name'), email: field('email'), message: field('message') },
    isTrapped: field('website') !== '',
  };
};

const FAULTS: Readonly<Record<string, string>> = {
  '/name': 'The name takes at most 100 characters.',
  '/email': 'Give an email address that we can answer to.',
  '/message': 'Write a message of at most 4,000 characters.',
};

/** What was typed, as the API takes it, or what is wrong with it in words for a person. */
export const checkForm = async ({
  name = '',
  email,
  message,
}: ContactForm): Promise<SendContactMessage | readonly string[]> => {
  try {
    return (await checkMembers(SendContactMessage, {
      ...(name === '' ? {} : { name }),
      email,
      message,
    })) as SendContactMessage;
  } catch (error) {
    if (!(error instanceof Problem) || !error.errors) throw error;
    return error.errors.map(({ pointer, message: fault }) => FAULTS[pointer] ?? fault);
  }
};
