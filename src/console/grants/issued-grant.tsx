import type { ReactElement } from 'react';
import { grantText } from '../text/grants.js';
import { CodeLine } from '../ui/copy.js';
import { Section } from '../ui/page.js';
import { ClientTabs } from './client-tabs.js';
import type { IssuedGrant } from './requests.js';

const text = grantText.issued;

/** The token, shown once, and what goes into each client. */
export function IssuedToken({ grant }: Readonly<{ grant: IssuedGrant }>): ReactElement {
  return (
    <>
      <Section title={text.section} lead={text.lead}>
        <CodeLine name={text.token} text={grant.token} />
      </Section>
      <Section title={grantText.detail.client}>
        <ClientTabs serverName={grant.serverName} mcpUrl={grant.mcpUrl} token={grant.token} />
      </Section>
    </>
  );
}
