import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate with its key, as files and as PEM text. */
export type Certificate = Readonly<{ certFile: string; keyFile: string; cert: string; key: string }>;

/** Everything a test of TLS needs; `stranger` is a client of another authority, `other` one of ours by another name. */
export type Certificates = Readonly<{
  folder: string;
  caFile: string;
  ca: string;
  strangerCa: string;
  server: Certificate;
  client: Certificate;
  other: Certificate;
  stranger: Certificate;
  remove: () => Promise<void>;
}>;

export const CLIENT_NAME = 'client.toolgate';

type Authority = Readonly<{ caFile: string; issue: (name: string, names: string) => Promise<Certificate> }>;

const makeAuthority = async (folder: string, label: string): Promise<Authority> => {
  const at = (file: string): string => join(folder, `${label}-${file}`);
  const caFile = at('ca.pem');
  await run('openssl', [
    'req',
    '-x509',
    ...EC_KEY,
    '-keyout',
    at('ca.key'),
    '-out',
    caFile,
    '-days',
    '2',
    '-subj',
    `/CN=${label}`,
  ]);
  const issue: Authority['issue'] = async (name, names) => {
    const [keyFile, certFile, request, extensions] = ['key', 'pem', 'csr', 'ext'].map((end) =>
      at(`${name}.${end}`),
    ) as [string, string, string, string];
    await run('openssl', ['req', ...EC_KEY, '-keyout', keyFile, '-out', request, '-subj', `/CN=${name}`]);
    await writeFile(extensions, `subjectAltName=${names}`);
    const signing = ['-CA', caFile, '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', extensions];
    await run('openssl', ['x509', '-req', '-in', request, ...signing, '-out', certFile]);
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    return { certFile, keyFile, cert, key };
  };
  return { caFile, issue };
};

/** A private authority with a server on loopback and clients, and a second one that nobody trusts. */
export const makeCertificates = async (): Promise<Certificates> => {
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-receivers-'));
  const [ours, theirs] = await Promise.all([makeAuthority(folder, 'ours'), makeAuthority(folder, 'theirs')]);
  const server = await ours.issue('server', 'IP:127.0.0.1,DNS:localhost');
  const client = await ours.issue(CLIENT_NAME, `DNS:${CLIENT_NAME}`);
  const other = await ours.issue('other.toolgate', 'DNS:other.toolgate');
  const stranger = await theirs.issue(CLIENT_NAME, `DNS:${CLIENT_NAME}`);
  const [ca, strangerCa] = (await Promise.all([ours, theirs].map(({ caFile }) => readFile(caFile, 'utf8')))) as [
    string,
    string,
  ];
  return {
    folder,
    caFile: ours.caFile,
    ca,
    strangerCa,
    server,
    client,
    other,
    stranger,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
