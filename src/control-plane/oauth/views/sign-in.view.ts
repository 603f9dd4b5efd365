import { lead, type Block } from '../../pages/document/blocks.js';
import { html } from '../../pages/document/html.js';
import type { Page } from '../../pages/page.js';

/**
 * `next` is where the member goes on after signing in. `wantsCode`: the second factor is asked for. `fault` is what
 * was wrong with the attempt before.
 */
export type SignInForm = Readonly<{ next: string; email?: string; wantsCode?: boolean; fault?: string }>;

const alert = (fault: string | undefined) =>
  fault === undefined ? html`` : html`<div class="note" role="alert"><p>${fault}</p></div>`;

const form = ({ next, email = '', wantsCode = false, fault }: SignInForm): Block => ({
  as: 'html',
  markdown: '',
  html: html`${alert(fault)}
    <form action="/oauth/sign-in" method="post">
      <input type="hidden" name="next" value="${next}" />
      <div class="field">
        <label for="email">Email</label>
        <input id="email" name="email" type="email" maxlength="254" required autocomplete="username" value="${email}" />
      </div>
      <div class="field">
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          maxlength="1024"
          required
          autocomplete="current-password"
        />
      </div>
      ${
        wantsCode
          ? html`<div class="field">
              <label for="code">Code</label>
              <input id="code" name="code" maxlength="20" required autocomplete="one-time-code" />
            </div>`
          : ''
      }
      <button>Sign in</button>
    </form>`,
});

/** The page on which a member signs in before a client is let in. */
export const signInView = (typed: SignInForm): Page => ({
  path: '/oauth/sign-in',
  title: 'Sign in to Toolgate',
  description: 'Sign in to let a client use a server.',
  heading: 'Sign in',
  isPrivate: true,
  blocks: [lead('A client asks to use a server of yours. Sign in to see what it wants.'), form(typed)],
});
