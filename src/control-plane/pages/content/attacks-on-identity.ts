import type { Attack } from './attack.js';

/** Attacks that use rights of somebody else. */
export const ATTACKS_ON_IDENTITY: readonly Attack[] = [
  {
    slug: 'confused-deputy',
    title: 'Confused deputy',
    summary: 'A server with broad rights acts for somebody who has none.',
    how: [
      'The server holds one credential that may change every project. It cannot tell for whom an agent asks, so ' +
        'every agent that reaches it may change every project too.',
      'A text in an issue is enough: the agent reads it, and asks the server for a merge elsewhere.',
    ],
    stops: [
      'Each team has an identity and a policy of its own. The policy names the projects that this identity may act ' +
        'on, whatever the credential of the server could do.',
    ],
    leaves: ['The rule covers tools that name the project in this argument. Leave the others out of the policy.'],
    categories: ['Write', 'Execute', 'Destructive'],
    tools: [{ name: 'merge_merge_request', description: 'Merges a request.', arguments: ['project_id', 'iid'] }],
    attributes: { team: 'payments' },
    policy: {
      version: '1',
      default: 'deny',
      all_tools: {
        require: [
          { path: 'identity.attributes.team', op: 'eq', value: 'payments', on_deny: 'This policy is for payments' },
          {
            path: 'args.project_id',
            op: 'in',
            value: ['payments/api', 'payments/web'],
            on_deny: 'Only projects of payments',
          },
        ],
      },
      tools: { merge_merge_request: {} },
    },
    trial: [
      {
        call: 'merge_merge_request',
        arguments: { project_id: 'payments/api', iid: 7 },
        effect: 'allow',
        code: 'allowed',
      },
      {
        call: 'merge_merge_request',
        arguments: { project_id: 'security/keys', iid: 1 },
        effect: 'deny',
        code: 'argument_rule',
      },
      { call: 'merge_merge_request', arguments: { iid: 1 }, effect: 'deny', code: 'argument_rule' },
    ],
  },
  {
    slug: 'token-theft',
    title: 'Token theft',
    summary: 'Somebody copies the token of an agent and uses it from elsewhere.',
    how: [
      'Client configurations lie in home folders, repositories and build logs. Whoever reads one has the token, and ' +
        'with a plain MCP server also everything that the token of the service behind it may do.',
    ],
    stops: [
      'The token in the client is a grant: one identity, one server, one policy. The credential of the service ' +
        'behind it stays in Toolgate.',
      'A rule ties the grant to the network of the agent. Elsewhere the token is refused, and each attempt is on ' +
        'record with its address.',
      'Rotating or revoking the grant ends the stolen token with the next call.',
    ],
    leaves: ['Within the network, the thief may do what the policy allows. Give grants an expiry.'],
    categories: ['Read', 'Write', 'Execute', 'Destructive', 'Financial'],
    tools: [{ name: 'list_issues', description: 'Lists issues.', arguments: ['project'] }],
    policy: {
      version: '1',
      default: 'deny',
      all_tools: {
        require: [
          { path: 'request.ip', op: 'cidr', value: '10.20.0.0/16', on_deny: 'Only from the network of the build' },
        ],
      },
      tools: { list_issues: {} },
    },
    trial: [
      { call: 'list_issues', arguments: {}, from: '10.20.3.4', effect: 'allow', code: 'allowed' },
      { call: 'list_issues', arguments: {}, from: '203.0.113.9', effect: 'deny', code: 'argument_rule' },
    ],
  },
];
