/** The words of the policy screens. */
export const words = {
  policies: 'Policies',
  newPolicy: 'New policy',
  name: 'Name',
  server: 'Server',
  start: 'Start from',
  savePolicy: 'Save policy',
  saving: 'Saving',
  saved: (version: number) => `Saved as version ${version}.`,
  unsaved: 'Not saved yet',
  noChanges: 'No changes',
  readOnly: 'Your role may read policies, not change them.',
  effect: 'Effect',
  atMost: 'At most',
  per: 'per',
  tool: 'Tool',
  kind: 'What it can do',
  rules: 'Rules',
  addRule: 'Add a rule',
  removeRule: 'Remove',
  json: 'JSON',
  fault: 'The JSON can not be read, so the table waits. Correct it here:',
  starts: {
    empty: 'Nothing: refuse everything',
    'read-only': 'Read-only: allow what only reads',
    balanced: 'Balanced: what the catalog recommends',
    open: 'Open: allow all, ask before what can not be undone',
  },
  by: {
    entry: '',
    pattern: (name: string) => `by the pattern ${name}`,
    hide: 'hidden by name',
    hidePattern: 'hidden by a pattern; change it below',
    default: 'by default',
  },
} as const;

/** What people read of a day and time. */
export const timeText = (time: string): string =>
  new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
