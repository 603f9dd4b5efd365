import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { api } from '../api/client.js';
import { dataOf, messageOf } from '../api/problem.js';
import { queryClient } from '../api/query-client.js';
import { useMay } from '../api/session.js';
import { settingsText } from '../text/settings.js';
import { Badge } from '../ui/badge.js';
import { Button } from '../ui/button.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Facts, Row, Section } from '../ui/page.js';
import { Loaded } from '../ui/states.js';
import { Time } from '../ui/time.js';
import { tell } from '../ui/toast.js';
import { ifMatch, organizationQuery } from './requests.js';

const text = settingsText.organization;

const setStopped = async (version: number, disabled: boolean): Promise<void> => {
  dataOf(await api.PATCH('/v1/organization', { params: { header: ifMatch(version) }, body: { disabled } }));
  tell(disabled ? text.stoppedToast : text.startedToast);
  await queryClient.invalidateQueries({ queryKey: ['organization'] });
};

/** The organization, and the switch that refuses every call of it. */
export function OrganizationSettings(): ReactElement {
  const organization = useQuery(organizationQuery);
  const isAdmin = useMay();
  const start = useMutation({
    mutationFn: (version: number) => setStopped(version, false),
    onError: (error) => tell(messageOf(error)),
  });
  return (
    <Loaded query={organization}>
      {({ name, createdAt, disabled, version }) => (
        <>
          <Facts
            facts={[
              [text.name, name],
              [text.created, <Time key="created" value={createdAt} never="" />],
              [
                text.state,
                <Badge key="state" tone={disabled ? 'bad' : 'good'}>
                  {disabled ? text.stopped : text.running}
                </Badge>,
              ],
            ]}
          />
          {isAdmin && (
            <Section title={text.kill} lead={text.killLead}>
              <Row>
                {disabled ? (
                  <Button look="primary" isPending={start.isPending} onPress={() => start.mutate(version)}>
                    {text.start}
                  </Button>
                ) : (
                  <ConfirmButton
                    label={text.stop}
                    title={text.stopTitle}
                    text={text.stopText}
                    confirm={text.stop}
                    onConfirm={() => setStopped(version, true)}
                  />
                )}
              </Row>
            </Section>
          )}
        </>
      )}
    </Loaded>
  );
}
