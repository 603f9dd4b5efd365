import type { ReactElement } from 'react';
import { useMay } from '../api/session.js';
import { PlaygroundPage } from './playground-page.js';

/** The screen of the playground. */
export function PlaygroundScreen(): ReactElement {
  return <PlaygroundPage mayPlay={useMay()} />;
}
