import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { accountText } from '../text/accounts.js';
import { Button } from '../ui/button.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { AccountPage } from './account-page.js';

const FIELDS = ['/email', '/password', '/organizationName'];
const text = accountText.signUp;

/** A new organization and its first admin, who goes on to the first server. */
export function SignUpPage(): ReactElement {
  const navigate = useNavigate();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [organizationName, setOrganizationName] = useState('');
  const signUp = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/signup', { body: { email, password, organizationName } })),
    onSuccess: async () => {
      queryClient.clear();
      await navigate({ to: '/start' });
    },
  });
  const foot = (
    <p>
      {text.other} <Link to="/login">{text.otherLink}</Link>
    </p>
  );
  return (
    <AccountPage title={text.title} lead={text.lead} foot={foot}>
      <Form error={signUp.error} fields={FIELDS} onSubmit={() => signUp.mutate()}>
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
        <TextField
          label={accountText.password}
          name="/password"
          type="password"
          autoComplete="new-password"
          description={accountText.passwordRule}
          value={password}
          onChange={setPassword}
          isRequired
        />
        <TextField
          label={accountText.organizationName}
          name="/organizationName"
          autoComplete="organization"
          description={text.organizationRule}
          value={organizationName}
          onChange={setOrganizationName}
          isRequired
        />
        <FormActions>
          <Button look="primary" type="submit" isPending={signUp.isPending}>
            {text.action}
          </Button>
        </FormActions>
      </Form>
    </AccountPage>
  );
}
