import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Listeners } from './kafka-cluster.js';

const run = promisify(execFile);

/** Kafka's own tool takes a password for SCRAM without quotes and commas. */
export const USER = { username: 'toolgate', password: 'a long pass=word % 1;' };

/** A certificate authority in a folder; `issue` makes a key and a certificate for these names in one PEM file. */
export const makeAuthority = async (
  folder: string,
  name: string,
): Promise<Readonly<{ caFile: string; issue: (names: string) => Promise<string> }>> => {
  const at = (file: string): string => join(folder, `${name}-${file}`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  ]);
  return {
    caFile: at('ca.pem'),
    issue: async (names) => {
      await run('openssl', [
        'req',
        ...key,
        '-keyout',
        at('server.key'),
        '-out',
        at('server.csr'),
        '-subj',
        '/CN=broker',
      ]);
      await writeFile(at('names'), `subjectAltName=${names}`);
      await run('openssl', [
        'x509',
        '-req',
        '-in',
        at('server.csr'),
        '-CA',
        at('ca.pem'),
        '-CAkey',
        at('ca.key'),
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        at('names'),
        '-out',
        at('server.pem'),
      ]);
      await writeFile(
        at('all.pem'),
        (
          await Promise.all([at('server.key'), at('server.pem'), at('ca.pem')].map((file) => readFile(file, 'utf8')))
        ).join(''),
      );
      return at('all.pem');
    },
  };
};

const signIn = (listener: string): Readonly<Record<string, string>> => ({
  [`listener.name.${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
  [`listener.name.${listener}.plain.sasl.jaas.config`]:
    'org.apache.kafka.common.security.plain.PlainLoginModule required ' + `user_${USER.username}="${USER.password}";`,
  [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]:
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]:
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
});

/** Listeners with TLS alone, with a sign-in alone and with both; `wrong` shows a certificate for other names. */
export const securedListeners = (pemFile: string, wrongPemFile: string): Listeners => ({
  protocols: { TLS: 'SSL', SIGNIN: 'SASL_PLAINTEXT', BOTH: 'SASL_SSL', WRONG: 'SSL' },
  settings: {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': pemFile,
    'listener.name.wrong.ssl.keystore.type': 'PEM',
    'listener.name.wrong.ssl.keystore.location': wrongPemFile,
    ...signIn('signin'),
    ...signIn('both'),
  },
  formatArguments: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${USER.username},password=${USER.password}]`,
  ]),
});
