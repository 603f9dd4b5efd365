import { domainToASCII, domainToUnicode } from 'node:url';

/**
 * The one spelling of an e-mail address, on any database and in any locale: Unicode NFC, lower case, and the domain in
 * Unicode, of which punycode is another spelling (UTS 46). Local parts are compared without regard to case, as every
 * provider in use does.
 */
export const canonicalEmail = (email: string): string => {
  const text = email.normalize('NFC').toLowerCase().normalize('NFC');
  const at = text.lastIndexOf('@');
  const domain = text.slice(at + 1);
  // The domain of no host stays as it is.
  const ascii = domainToASCII(domain);
  return `${text.slice(0, at + 1)}${ascii === '' ? domain : domainToUnicode(ascii)}`;
};
