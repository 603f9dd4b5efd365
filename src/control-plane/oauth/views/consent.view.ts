import type { Category, Risk } from '../../../policy-engine/classify/classify.js';
import {
  code,
  heading,
  lead,
  list,
  note,
  paragraph,
  strong,
  type Block,
  type Text,
} from '../../pages/document/blocks.js';
import { html, type Html } from '../../pages/document/html.js';
import type { Page } from '../../pages/page.js';
import type { IdentityChoice } from '../sign-ins.store.js';

/** Tools of one risk. */
export type RiskGroup = Readonly<{ category: Category; risk: Risk; tools: readonly string[] }>;

/**
 * What a member is asked: whether `client`, which `redirect` leads back to, may use `server`. `csrf` proves that the
 * answer came from this page.
 */
export type Consent = Readonly<{
  uid: string;
  csrf: string;
  client: Readonly<{ name: string; id: string; redirect: string; isLocal: boolean }>;
  server: Readonly<{ name: string; organizationName: string }>;
  member: string;
  identities: readonly IdentityChoice[];
  groups: readonly RiskGroup[];
}>;

const MAX_NAMED_TOOLS = 8;

const toolsText = ({ category, risk, tools }: RiskGroup): Text => {
  const named = tools.slice(0, MAX_NAMED_TOOLS).flatMap((name, at) => (at === 0 ? [code(name)] : [', ', code(name)]));
  const more = tools.length - MAX_NAMED_TOOLS;
  return [{ as: 'risk', category, risk }, ' ', ...named, ...(more > 0 ? [` and ${more} more`] : [])];
};

const policyText = ({ policyName }: IdentityChoice): string =>
  policyName === null ? 'no policy yet: every call is refused' : `policy ${policyName}`;

const choice = (identities: readonly IdentityChoice[]): Html => {
  const [only] = identities;
  if (identities.length > 1)
    return html`<div class="field">
      <label for="identity">Identity</label>
      <select id="identity" name="identity" required>
        ${identities.map((one) => html`<option value="${one.id}">${one.name} (${policyText(one)})</option>`)}
      </select>
    </div>`;
  return only === undefined ? html`` : html`<input type="hidden" name="identity" value="${only.id}" />`;
};

const form = ({ uid, csrf, identities }: Consent): Block => ({
  as: 'html',
  markdown: '',
  html: html`<form action="/oauth/consent/${uid}" method="post">
    <input type="hidden" name="csrf" value="${csrf}" />
    ${choice(identities)}
    <button name="answer" value="allow">Allow</button>
    <button name="answer" value="cancel" formnovalidate>Cancel</button>
  </form>`,
});

const whoCalls = ({ identities, member }: Consent): Block => {
  const [only] = identities;
  if (identities.length > 1) return paragraph('Choose the identity that it acts as.');
  return only === undefined
    ? paragraph('It acts as a new identity of yours, ', strong(member), '.')
    : paragraph('It acts as ', strong(only.name), ' under ', policyText(only), '.');
};

/** The page on which a member lets a client in, or does not. */
export const consentView = (consent: Consent): Page => {
  const { client, server, member, groups } = consent;
  return {
    path: '/oauth/consent',
    title: `Allow ${client.name}?`,
    description: 'A client asks to use a server.',
    heading: `Allow ${client.name} to use ${server.name}?`,
    isPrivate: true,
    blocks: [
      lead(strong(client.name), ' asks to call tools of ', strong(server.name), ' in ', server.organizationName, '.'),
      paragraph('You are signed in as ', strong(member), '. It sends you back to ', code(client.redirect), '.'),
      ...(client.isLocal
        ? [note('Any program on your computer can give itself this name. Allow it only if you just started it.')]
        : []),
      whoCalls(consent),
      heading('What the server can do', 'tools'),
      groups.length === 0
        ? paragraph('No tools of this server are known yet.')
        : list(...groups.map((group) => toolsText(group))),
      paragraph('The policy decides on each call. You can end this at any time; an administrator can too.'),
      form(consent),
    ],
  };
};
