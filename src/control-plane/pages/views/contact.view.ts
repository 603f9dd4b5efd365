import { lead, paragraph, type Block } from '../document/blocks.js';
import { html } from '../document/html.js';
import type { Page } from '../page.js';

/** What somebody typed into the form, to be shown again, and what is wrong with it. */
export type ContactForm = Readonly<{ name?: string; email?: string; message?: string; faults?: readonly string[] }>;

const BASE = {
  path: '/contact',
  title: 'Contact Toolgate',
  description: 'Write to the people who run this Toolgate.',
  heading: 'Contact',
} as const;

const form = ({ name = '', email = '', message = '', faults = [] }: ContactForm): Block => ({
  as: 'html',
  markdown: 'Send `{"email", "message", "name"?}` as JSON to `POST /v1/contact`.',
  html: html`${
      faults.length === 0
        ? ''
        : html`<div class="note" role="alert">
            <p>The message was not sent.</p>
            <ul>
              ${faults.map((fault) => html`<li>${fault}</li>`)}
            </ul>
          </div>`
    }
    <form action="/contact" method="post">
      <div class="field">
        <label for="name">Name (if you like)</label>
        <input id="name" name="name" maxlength="100" autocomplete="name" value="${name}" />
      </div>
      <div class="field">
        <label for="email">Email</label>
        <input id="email" name="email" type="email" maxlength="254" required autocomplete="email" value="${email}" />
      </div>
      <div class="field">
        <label for="message">Message</label>
        <textarea id="message" name="message" maxlength="4000" required>${message}</textarea>
      </div>
      <div class="trap" aria-hidden="true">
        <label for="website">Leave this empty</label>
        <input id="website" name="website" tabindex="-1" autocomplete="off" />
      </div>
      <button>Send message</button>
    </form>`,
});

/** The page with the form. */
export const contactView = (typed: ContactForm = {}): Page => ({
  ...BASE,
  blocks: [
    lead('Questions, corrections of the catalog, and reports of attacks that it lacks.'),
    form(typed),
    paragraph(
      'Your message and your address are kept for 180 days, for an answer and nothing else. Do not send secrets.',
    ),
  ],
});

/** The answer to a message. */
export const contactSentView = (): Page => ({
  ...BASE,
  heading: 'Message sent.',
  isPrivate: true,
  blocks: [lead('Thank you. We answer to the address that you gave.')],
});
