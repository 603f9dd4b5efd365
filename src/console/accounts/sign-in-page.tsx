import { useMutation } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { Refusal, dataOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { accountText } from '../text/accounts.js';
import { Button } from '../ui/button.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { AccountPage, Note } from './account-page.js';

const FIELDS = ['/email', '/password', '/code'];
const text = accountText.signIn;

const isSecondFactorNeeded = (error: unknown): boolean =>
  error instanceof Refusal && error.code === 'second_factor_needed';

type Props = Readonly<{ next: string | undefined; organizationId: string | undefined }>;

/** E-mail and password, then the second factor where the account has one; then on to where the person was going. */
export function SignInPage({ next, organizationId }: Props): ReactElement {
  const router = useRouter();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState<string>();
  const signIn = useMutation({
    mutationFn: async () =>
      dataOf(
        await api.POST('/v1/login', {
          body: {
            email,
            password,
            ...(organizationId !== undefined && { organizationId }),
            ...(code !== undefined && { code: code.trim() }),
          },
        }),
      ),
    onError: (error) => {
      if (isSecondFactorNeeded(error)) setCode('');
    },
    onSuccess: () => {
      queryClient.clear();
      // A path of this console only: what comes from an address must not lead elsewhere.
      router.history.push(next !== undefined && /^\/(?!\/)/.test(next) ? `/app${next}` : '/app/');
    },
  });
  const submit = (): void => signIn.mutate();
  const button = (label: string): ReactElement => (
    <FormActions>
      <Button look="primary" type="submit" isPending={signIn.isPending}>
        {label}
      </Button>
    </FormActions>
  );
  if (code !== undefined)
    return (
      <AccountPage title={text.secondTitle} lead={text.secondLead}>
        <Form
          key="code"
          error={isSecondFactorNeeded(signIn.error) ? null : signIn.error}
          fields={FIELDS}
          onSubmit={submit}
        >
          <CodeField value={code} onChange={setCode} />
          {button(text.secondAction)}
        </Form>
      </AccountPage>
    );
  return (
    <AccountPage title={text.title} foot={<Elsewhere />}>
      {next !== undefined && <Note>{text.ended}</Note>}
      <Form key="password" error={signIn.error} fields={FIELDS} onSubmit={submit}>
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
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
          isRequired
        />
        {button(text.action)}
      </Form>
    </AccountPage>
  );
}

function CodeField(props: Readonly<{ value: string; onChange: (value: string) => void }>): ReactElement {
  return (
    <TextField {...props} label={accountText.code} name="/code" autoComplete="one-time-code" isRequired autoFocus />
  );
}

function Elsewhere(): ReactElement {
  return (
    <>
      <p>
        <Link to="/password-reset">{text.forgotten}</Link>
      </p>
      <p>
        {text.other} <Link to="/signup">{text.otherLink}</Link>
      </p>
    </>
  );
}
