import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { settingsText } from '../text/settings.js';
import { Button } from '../ui/button.js';
import { CodeBlock, CodeLine } from '../ui/copy.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { secondFactorQuery } from './requests.js';

const text = settingsText.account;
const reread = () => queryClient.invalidateQueries({ queryKey: ['second-factor'] });

/** Turns the second factor on, with a secret and a first code, or off. */
export function SecondFactor(): ReactElement {
  const factor = useQuery(secondFactorQuery);
  const [recoveryCodes, setRecoveryCodes] = useState<readonly string[]>();
  return (
    <Section title={text.second} lead={text.secondLead}>
      {recoveryCodes && (
        <div role="status">
          <p>{text.recoveryLead}</p>
          <CodeBlock name={text.recovery} text={recoveryCodes.join('\n')} />
        </div>
      )}
      <Loaded query={factor}>
        {({ enabled, recoveryCodesLeft }) =>
          enabled ? (
            <>
              <p>{text.on(recoveryCodesLeft)}</p>
              <TurnOff />
            </>
          ) : (
            <>
              <p>{text.off}</p>
              <TurnOn onCodes={setRecoveryCodes} />
            </>
          )
        }
      </Loaded>
    </Section>
  );
}

function TurnOff(): ReactElement {
  const [code, setCode] = useState('');
  const off = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/me/totp/disable', { body: { code: code.trim() } })),
    onSuccess: reread,
  });
  return (
    <Form error={off.error} fields={['/code']} onSubmit={() => off.mutate()} label={text.turnOff}>
      <TextField
        label={text.code}
        name="/code"
        autoComplete="one-time-code"
        value={code}
        onChange={setCode}
        isRequired
      />
      <FormActions>
        <Button look="danger" type="submit" isPending={off.isPending}>
          {text.turnOff}
        </Button>
      </FormActions>
    </Form>
  );
}

function TurnOn({ onCodes }: Readonly<{ onCodes: (codes: readonly string[]) => void }>): ReactElement {
  const [current, setCurrent] = useState('');
  const [code, setCode] = useState('');
  const begin = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/me/totp', { body: { current } })),
  });
  const confirm = useMutation({
    mutationFn: async () => dataOf(await api.POST('/v1/me/totp/confirm', { body: { code: code.trim() } })),
    onSuccess: async ({ recoveryCodes }) => {
      onCodes(recoveryCodes);
      await reread();
    },
  });
  if (!begin.data)
    return (
      <Form error={begin.error} fields={['/current']} onSubmit={() => begin.mutate()} label={text.second}>
        <TextField
          label={text.current}
          name="/current"
          type="password"
          autoComplete="current-password"
          value={current}
          onChange={setCurrent}
          isRequired
        />
        <FormActions>
          <Button type="submit" isPending={begin.isPending}>
            {text.turnOn}
          </Button>
        </FormActions>
      </Form>
    );
  return (
    <Form error={confirm.error} fields={['/code']} onSubmit={() => confirm.mutate()} label={text.second}>
      <p>{text.secretHow}</p>
      <CodeLine name={text.secret} text={begin.data.secret} />
      <TextField
        label={text.code}
        name="/code"
        autoComplete="one-time-code"
        value={code}
        onChange={setCode}
        isRequired
      />
      <FormActions>
        <Button look="primary" type="submit" isPending={confirm.isPending}>
          {text.confirm}
        </Button>
      </FormActions>
    </Form>
  );
}
