import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { Refusal, dataOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { accountText } from '../text/accounts.js';
import { Button } from '../ui/button.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { AccountPage, Note } from './account-page.js';
import { useLinkToken } from './link-token.js';

const text = accountText.invitation;
const FIELDS = ['/password', '/code'];

/** Opened by the link of an invitation: the person joins, and is signed in. */
export function InvitationPage(): ReactElement {
  const token = useLinkToken();
  const navigate = useNavigate();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState<string>();
  const accept = useMutation({
    mutationFn: async () =>
      dataOf(
        await api.POST('/v1/invitations/accept', {
          body: { token: token ?? '', password, ...(code !== undefined && { code: code.trim() }) },
        }),
      ),
    onError: (error) => {
      if (error instanceof Refusal && error.code === 'second_factor_needed') setCode('');
    },
    onSuccess: async () => {
      queryClient.clear();
      await navigate({ to: '/servers' });
    },
  });
  if (token === undefined)
    return (
      <AccountPage title={text.missing}>
        <Note>{text.missingDetail}</Note>
      </AccountPage>
    );
  return (
    <AccountPage title={text.title} lead={text.lead}>
      <Form error={accept.error} fields={FIELDS} onSubmit={() => accept.mutate()}>
        <TextField
          label={accountText.password}
          name="/password"
          type="password"
          autoComplete="new-password"
          description={accountText.passwordRule}
          value={password}
          onChange={setPassword}
          isRequired
          autoFocus
        />
        {code !== undefined && (
          <TextField
            label={accountText.code}
            name="/code"
            autoComplete="one-time-code"
            value={code}
            onChange={setCode}
            isRequired
          />
        )}
        <FormActions>
          <Button look="primary" type="submit" isPending={accept.isPending}>
            {text.action}
          </Button>
        </FormActions>
      </Form>
    </AccountPage>
  );
}
