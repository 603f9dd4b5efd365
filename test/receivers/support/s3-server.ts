import { createHash, createHmac } from 'node:crypto';
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { inject } from 'vitest';
import { freePort, startProgram, type Program } from './program.js';

export const S3_KEYS = { accessKeyId: 'AKIDTOOLGATE', secretAccessKey: 'a secret/with+signs=' } as const;
export const BUCKET = 'audit';

export type S3Server = Readonly<{
  url: string;
  /** Keys in the bucket, in order of their names, with the lines in each. */
  objects: () => Promise<readonly Readonly<{ key: string; lines: readonly string[] }>[]>;
  /** Metadata of an object as the server tells it. */
  metadata: (key: string) => Promise<Headers>;
  program: Program;
  stop: () => Promise<void>;
}>;

const filesIn = async (folder: string, below = ''): Promise<readonly string[]> => {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const found = await Promise.all(
    entries.map((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesIn(folder, path) : Promise.resolve([path]);
    }),
  );
  return found.flat().sort();
};

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A signed HEAD by the algorithm's own text, so that not the code under test reads what it wrote. */
const head = (url: URL): Promise<Response> => {
  const time = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const hash = sha256('');
  const names = 'host;x-amz-content-sha256;x-amz-date';
  const headers = `host:${url.host}\nx-amz-content-sha256:${hash}\nx-amz-date:${time}\n`;
  const canonical = `HEAD\n${url.pathname}\n\n${headers}\n${names}\n${hash}`;
  const key = ['us-east-1', 's3', 'aws4_request'].reduce(
    hmac,
    hmac(`AWS4${S3_KEYS.secretAccessKey}`, time.slice(0, 8)),
  );
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex');
  return fetch(url, {
    method: 'HEAD',
    headers: {
      'x-amz-date': time,
      'x-amz-content-sha256': hash,
      authorization: [
        `AWS4-HMAC-SHA256 Credential=${S3_KEYS.accessKeyId}/${scope}`,
        `SignedHeaders=${names}`,
        `Signature=${signature}`,
      ].join(', '),
    },
  });
};

/** S3Proxy over a folder; it refuses a request whose signature (version 4) is not that of S3_KEYS. */
export const startS3 = async (): Promise<S3Server> => {
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'toolgate-s3-'))];
  const [store, configFile] = [join(folder, 'store'), join(folder, 's3.conf')];
  await mkdir(join(store, BUCKET), { recursive: true });
  const settings = {
    's3proxy.endpoint': `http://127.0.0.1:${port}`,
    's3proxy.authorization': 'aws-v4',
    's3proxy.identity': S3_KEYS.accessKeyId,
    's3proxy.credential': S3_KEYS.secretAccessKey,
    'jclouds.provider': 'filesystem-nio2',
    'jclouds.identity': 'x',
    'jclouds.credential': 'x',
    'jclouds.filesystem.basedir': store,
  };
  await writeFile(
    configFile,
    Object.entries(settings)
      .map((entry) => entry.join('='))
      .join('\n'),
  );
  const program = await startProgram({
    command: 'java',
    args: [
      '-Xmx192m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      inject('receivers').s3Classpath,
      'org.gaul.s3proxy.Main',
      '--properties',
      configFile,
    ],
    env: { LOG_LEVEL: 'warn' },
    port,
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    objects: async () => {
      const keys = await filesIn(join(store, BUCKET));
      return Promise.all(
        keys.map(async (key) => {
          const text = gunzipSync(await readFile(join(store, BUCKET, key))).toString();
          return { key, lines: text.trimEnd().split('\n') };
        }),
      );
    },
    metadata: async (key) =>
      (await head(new URL(`${url}/${BUCKET}/${key.split('/').map(encodeURIComponent).join('/')}`))).headers,
    program,
    stop: async () => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
