import { useState } from 'react';

/** The token of a link that was sent: it stands behind `#`, which no server is told. */
export const useLinkToken = (): string | undefined =>
  useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined)[0];
