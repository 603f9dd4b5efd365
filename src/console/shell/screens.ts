import { screenNames } from '../text/shell.js';

/** The screens of the navigation, in its order. */
export const SCREENS = [
  { to: '/servers', name: screenNames.servers },
  { to: '/policies', name: screenNames.policies },
  { to: '/grants', name: screenNames.grants },
  { to: '/approvals', name: screenNames.approvals },
  { to: '/log', name: screenNames.log },
  { to: '/usage', name: screenNames.usage },
  { to: '/log-streams', name: screenNames.logStreams },
  { to: '/settings', name: screenNames.settings },
] as const;
