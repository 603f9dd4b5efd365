import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { settingsText } from '../text/settings.js';
import { Button } from '../ui/button.js';
import { CodeLine } from '../ui/copy.js';
import { Form, FormActions, TextField } from '../ui/field.js';
import { Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { tell } from '../ui/toast.js';
import { alarmsQuery, approvalMailQuery, ifMatch } from './requests.js';

const text = settingsText.notifications;

const linesOf = (value: string): string[] =>
  value
    .split(/[\s,]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

type Told = Readonly<{ emails: readonly string[]; webhook: string | null }>;
type Saved = Readonly<{ webhookSecret?: string }>;

/** Who is told of alarms and of approvals. */
export function NotificationSettings(): ReactElement {
  const alarms = useQuery(alarmsQuery);
  const approvals = useQuery(approvalMailQuery);
  return (
    <>
      <Section title={text.alarms} lead={text.alarmsLead}>
        <Loaded query={alarms}>
          {({ emails, webhook, version, sendsMail }) => (
            <>
              {!sendsMail && <p>{text.noMail}</p>}
              <TellForm
                key={version}
                label={text.alarms}
                told={{ emails, webhook }}
                save={async (body) =>
                  dataOf(
                    await api.PUT('/v1/notifications', {
                      params: { header: ifMatch(version) },
                      body: { emails: [...body.emails], webhook: body.webhook },
                    }),
                  )
                }
              />
            </>
          )}
        </Loaded>
      </Section>
      <Section title={text.approvals} lead={text.approvalsLead}>
        <Loaded query={approvals}>
          {({ emails, webhookUrl, version }) => (
            <TellForm
              key={version}
              label={text.approvals}
              told={{ emails, webhook: webhookUrl }}
              save={async (body) =>
                dataOf(
                  await api.PUT('/v1/approvals/notifications', {
                    params: { header: ifMatch(version) },
                    body: { emails: [...body.emails], webhookUrl: body.webhook },
                  }),
                )
              }
            />
          )}
        </Loaded>
      </Section>
    </>
  );
}

type TellProps = Readonly<{ label: string; told: Told; save: (told: Told) => Promise<Saved> }>;

function TellForm({ label, told, save }: TellProps): ReactElement {
  const [emails, setEmails] = useState(told.emails.join('\n'));
  const [webhook, setWebhook] = useState(told.webhook ?? '');
  const send = useMutation({
    mutationFn: () => save({ emails: linesOf(emails), webhook: webhook.trim() === '' ? null : webhook.trim() }),
    onSuccess: async ({ webhookSecret }) => {
      tell(settingsText.saved);
      // A form with a new version begins anew, and the secret would be gone with this one.
      if (webhookSecret === undefined) await queryClient.invalidateQueries({ queryKey: ['notifications'] });
    },
  });
  return (
    <Form error={send.error} fields={['/emails']} onSubmit={() => send.mutate()} label={label}>
      <TextField
        label={text.emails}
        name="/emails"
        description={text.emailsRule}
        value={emails}
        onChange={setEmails}
        isLong
      />
      <TextField
        label={text.webhook}
        name="/webhook"
        type="url"
        description={text.webhookRule}
        value={webhook}
        onChange={setWebhook}
      />
      {send.data?.webhookSecret !== undefined && (
        <div role="status">
          <p>{text.secretLead}</p>
          <CodeLine name={text.secret} text={send.data.webhookSecret} />
        </div>
      )}
      <FormActions>
        <Button type="submit" isPending={send.isPending}>
          {settingsText.save}
        </Button>
      </FormActions>
    </Form>
  );
}
