/** The words of the frame around every screen. */
export const shellText = {
  brand: 'Toolgate',
  skip: 'Skip to the content',
  navigation: 'Main',
  menu: 'Menu',
  palette: 'Go to or do',
  paletteField: 'Search screens, servers, policies and identities',
  paletteNothing: 'Nothing has this name.',
  paletteHint: 'Ctrl K',
  account: 'Account',
  signOut: 'Sign out',
  theme: { label: 'Theme', system: 'As the system', light: 'Light', dark: 'Dark' },
  organization: 'Organization',
  switchTo: (name: string): string => `Switch to ${name}`,
  switched: (name: string): string => `You work in ${name} now.`,
  loading: 'Loading…',
  failed: 'This could not be loaded',
  again: 'Try again',
  noPermission: 'Your role can’t see this',
  noPermissionDetail: (roles: string): string => `Ask an admin of the organization for the role ${roles}.`,
  notFound: 'There is no such page',
  notFoundDetail: 'It may have been deleted, or the address is wrong.',
  home: 'Go to the servers',
  close: 'Close',
  cancel: 'Cancel',
  copy: 'Copy',
  copied: 'Copied',
  notifications: 'Notifications',
  broken: 'This screen failed',
  brokenDetail: 'Load the page again. What was saved is saved.',
} as const;

/** The screens of the navigation. Programs find the links by these names. */
export const screenNames = {
  servers: 'Servers',
  policies: 'Policies',
  grants: 'Grants',
  approvals: 'Approvals',
  log: 'Log',
  usage: 'Usage',
  logStreams: 'Log streams',
  settings: 'Settings',
} as const;

/** Roles, as people read them. */
export const roleNames = {
  admin: 'Admin',
  policy_manager: 'Policy manager',
  approver: 'Approver',
  auditor: 'Auditor',
  viewer: 'Viewer',
} as const;
