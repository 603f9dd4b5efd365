import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { accountText } from '../text/accounts.js';
import { Button } from '../ui/button.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { AccountPage, Note } from './account-page.js';
import { useLinkToken } from './link-token.js';

const text = accountText.reset;
const back = (
  <p>
    <Link to="/login">{text.back}</Link>
  </p>
);

/** Asks for the link of a new password, or, opened by that link, takes the new password. */
export function PasswordResetPage(): ReactElement {
  const token = useLinkToken();
  return token === undefined ? <AskForLink /> : <ChoosePassword token={token} />;
}

function AskForLink(): ReactElement {
  const [email, setEmail] = useState('');
  const ask = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/password-reset', { body: { email } })),
  });
  if (ask.isSuccess)
    return (
      <AccountPage title={text.title} foot={back}>
        <Note>{text.sent}</Note>
        <p>{text.sentDetail}</p>
      </AccountPage>
    );
  return (
    <AccountPage title={text.title} lead={text.lead} foot={back}>
      <Form error={ask.error} fields={['/email']} onSubmit={() => ask.mutate()}>
        <TextField
          label={accountText.email}
          name="/email"
          type="email"
          autoComplete="username"
          value={email}
          onChange={setEmail}
          isRequired
          autoFocus
        />
        <FormActions>
          <Button look="primary" type="submit" isPending={ask.isPending}>
            {text.action}
          </Button>
        </FormActions>
      </Form>
    </AccountPage>
  );
}

function ChoosePassword({ token }: Readonly<{ token: string }>): ReactElement {
  const [password, setPassword] = useState('');
  const confirm = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/password-reset/confirm', { body: { token, password } })),
  });
  if (confirm.isSuccess)
    return (
      <AccountPage title={text.confirmTitle} foot={back}>
        <Note>{text.done}</Note>
      </AccountPage>
    );
  return (
    <AccountPage title={text.confirmTitle} lead={text.confirmLead} foot={back}>
      <Form error={confirm.error} fields={['/password']} onSubmit={() => confirm.mutate()}>
        <TextField
          label={accountText.newPassword}
          name="/password"
          type="password"
          autoComplete="new-password"
          description={accountText.passwordRule}
          value={password}
          onChange={setPassword}
          isRequired
          autoFocus
        />
        <FormActions>
          <Button look="primary" type="submit" isPending={confirm.isPending}>
            {text.confirmAction}
          </Button>
        </FormActions>
      </Form>
    </AccountPage>
  );
}
