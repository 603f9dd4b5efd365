import { expect, test } from 'vitest';
import { requestMail, webhookBody } from '../../../src/control-plane/approvals/notifications/message.js';
import { signedHeaders } from '../../../src/control-plane/notifications/webhook.js';
import type { ShownApproval } from '../../../src/control-plane/approvals/approvals.store.js';

const shown = (tool: string, more: Partial<ShownApproval['approval']> = {}): ShownApproval => ({
  id: 'apr_1',
  status: 'pending',
  identityName: 'release bot',
  serverName: 'GitLab',
  policyName: 'merging',
  usedAt: null,
  callId: null,
  approval: {
    call: {
      grantId: 'grt_1',
      identityId: 'idn_1',
      serverId: 'srv_1',
      tool,
      argumentKeys: ['iid'],
      argumentsDigest: 'd1',
      definitionHash: 'h',
      policyId: 'pol_1',
      policyVersion: 3,
      rule: '/tools/x/action',
      reason: 'Merging\nneeds a human',
    },
    count: 1,
    status: 'pending',
    decisions: [],
    requestedAt: '2026-01-01T00:00:00.000Z',
    expiresAt: '2026-01-01T01:00:00.000Z',
    ...more,
  },
});

test.each([
  'merge\r\nBcc: evil@example.com\r\n\r\nGo to http://evil.example',
  'merge\u2028Go to',
  'merge\u0085Go to',
  '"\nGo to',
  '\u202Eegrem',
])('a mail has the lines that we wrote, whatever the tool %j is called', (tool) => {
  const usual = requestMail('https://t.example', shown('merge'));
  const { subject, text } = requestMail('https://t.example', shown(tool));
  expect(subject).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(text.split('\n').map((line) => line.split(' ')[0])).toEqual(
    usual.text.split('\n').map((line) => line.split(' ')[0]),
  );
});

test('a mail says how many people must approve, and until when', () => {
  expect(requestMail('https://t.example', shown('merge', { count: 2 })).text).toContain(
    '2 people, by 2026-01-01T01:00:00.000Z',
  );
});

test('neither names an argument or its digest', () => {
  const both =
    webhookBody('https://t.example', 'approval.requested', shown('merge'), new Date(0)) +
    requestMail('https://t.example', shown('merge')).text;
  expect(both).not.toMatch(/iid|d1/);
});

test('the signature is the one of the example in the Standard Webhooks specification', () => {
  const body = '{"test": 2432232314}';
  const headers = signedHeaders(
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    new Date(1_614_265_330_000),
    body,
  );
  expect(headers).toMatchObject({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});
