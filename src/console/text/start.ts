/** The words of the first run. */
export const startText = {
  title: 'Get started',
  lead: 'Four steps to the first governed call. You can leave at any time; what is done stays.',
  steps: { server: 'Add a server', posture: 'Choose a posture', grant: 'Issue a grant', connect: 'Connect a client' },
  done: 'done',
  toolsRead: (name: string, count: number): string => `${name}: ${count === 1 ? '1 tool' : `${count} tools`}`,
  unreachable: 'It can’t be reached yet; its tools appear once it can.',
  posture: {
    label: 'What may the agent do?',
    readOnly: { label: 'Read only', note: 'Tools that only read are allowed; all others are refused.' },
    balanced: {
      label: 'Balanced',
      note: 'Reading is allowed, writing is limited, what is destructive waits for an approval. Recommended.',
    },
    open: { label: 'Open', note: 'All tools, with limits; what can’t be undone or moves money waits for approval.' },
    explanation: 'What it comes to',
    name: (posture: string): string => `Recommended (${posture})`,
    action: 'Use this policy',
    edit: 'Every rule can be changed later, under Policies.',
  },
  later: 'Skip to the servers',
} as const;
