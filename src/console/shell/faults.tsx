import type { ReactElement } from 'react';
import { Refusal, messageOf } from '../api/problem.js';
import { shellText } from '../text/shell.js';
import { ButtonLink } from '../ui/button.js';
import { Empty, Failed } from '../ui/states.js';

/** An address that is no screen. */
export function NotFound(): ReactElement {
  return (
    <Empty title={shellText.notFound} action={<ButtonLink to="/servers">{shellText.home}</ButtonLink>}>
      {shellText.notFoundDetail}
    </Empty>
  );
}

/** A screen that failed: what the API refused is said as such, our own faults as ours. */
export function Broken({ error }: Readonly<{ error: unknown }>): ReactElement {
  if (error instanceof Refusal) return <Failed error={error} onAgain={() => location.reload()} />;
  return (
    <Empty title={shellText.broken}>
      <p>{shellText.brokenDetail}</p>
      <p>
        <code>{messageOf(error)}</code>
      </p>
    </Empty>
  );
}
