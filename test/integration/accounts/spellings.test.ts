import { expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { call, join, PASSWORD, signUp, type Answer } from './client.js';

const { test, toolgate } = productTest();

const login = (email: string, password = PASSWORD): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/login', { body: { email, password } });
const register = (email: string, password = PASSWORD): Promise<Answer> =>
  call(toolgate.url, 'POST /v1/signup', { body: { email, password, organizationName: 'Example' } });

test('an e-mail address has one account, however it is spelled', async () => {
  const spellings = [
    'jörg@bücher.example',
    'JÖRG@BÜCHER.EXAMPLE',
    'jo\u0308rg@bu\u0308cher.example',
    'Jörg@xn--bcher-kva.example',
    'jörg@XN--BCHER-KVA.example',
  ];
  const first = await register('Jörg@Bücher.example');
  expect([first.status, first.body.user.email]).toEqual([201, 'jörg@bücher.example']);
  for (const email of spellings) {
    expect((await register(email)).status, email).toBe(409);
    expect((await login(email)).body.user, email).toEqual(first.body.user);
  }
});

test('an invitation is for a person, however their address is spelled', async () => {
  const admin = await signUp(toolgate.url);
  const member = await join(toolgate.url, admin, 'viewer', 'ÅSA@exämple.example');
  const { status } = await call(toolgate.url, 'POST /v1/invitations', {
    token: admin.token,
    body: { email: 'åsa@xn--exmple-cua.example', role: 'viewer' },
  });
  expect([member.user.email, status]).toEqual(['åsa@exämple.example', 409]);
});

test('an account of an earlier release is found by the spelling that it was made with', async () => {
  const email = 'ZOË@example.com';
  const { body } = await register('zoe@example.com');
  await toolgate.db.worker.query('update users set email = $2 where id = $1', [body.user.id, email]);
  expect((await login(email)).status).toBe(200);
});

test('nobody takes the place of an account of an earlier release by signing up with another spelling', async () => {
  const email = 'zoë@xn--bcher-kva.example';
  const { body } = await register('first-of-two@example.com');
  await toolgate.db.worker.query('update users set email = $2 where id = $1', [body.user.id, email]);
  await register('zoë@bücher.example', 'another battery staple');
  expect((await login(email)).body.user.id).toBe(body.user.id);
});

test('a password counts alike from keyboards that compose its characters and those that do not', async () => {
  const [composed, decomposed] = ['pässwörd sécret', 'pässwörd sécret'.normalize('NFD')];
  expect(composed).not.toBe(decomposed);
  await register('composed@example.com', composed);
  await register('decomposed@example.com', decomposed);
  for (const email of ['composed@example.com', 'decomposed@example.com'])
    for (const password of [composed, decomposed]) expect((await login(email, password)).status).toBe(200);
});
