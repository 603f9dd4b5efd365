import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Hash } from './merkle.js';

const ED25519 = Buffer.of(1);
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** An Ed25519 key that signs notes. */
export type SigningKey = Readonly<{ private: KeyObject; public: Buffer }>;

/** What a checkpoint says of a tree. */
export type Checkpoint = Readonly<{ origin: string; size: number; root: Hash }>;

/** A signing key from its 32-byte seed. */
export const signingKeyOf = (seed: Buffer): SigningKey => {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  return { private: key, public: createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32) };
};

const keyIdOf = (name: string, publicKey: Buffer): Buffer =>
  createHash('sha256').update(`${name}\n`).update(ED25519).update(publicKey).digest().subarray(0, 4);

/** The verifier key of a key under a name, as C2SP signed-note writes it: name, key id and public key. */
export const verifierKeyOf = (name: string, { public: publicKey }: Pick<SigningKey, 'public'>): string =>
  `${name}+${keyIdOf(name, publicKey).toString('hex')}+${Buffer.concat([ED25519, publicKey]).toString('base64')}`;

/** The text of a checkpoint (C2SP tlog-checkpoint), which is what is signed. */
const bodyOf = ({ origin, size, root }: Checkpoint): string => `${origin}\n${size}\n${root.toString('base64')}\n`;

/** A checkpoint as a signed note (C2SP signed-note), signed under its origin. */
export const signCheckpoint = (checkpoint: Checkpoint, key: SigningKey): string => {
  const body = bodyOf(checkpoint);
  const signature = Buffer.concat([keyIdOf(checkpoint.origin, key.public), sign(null, Buffer.from(body), key.private)]);
  return `${body}\n\u2014 ${checkpoint.origin} ${signature.toString('base64')}\n`;
};

const VKEY = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/;
const BODY = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n$/;

const isSignedBy = (body: string, lines: readonly string[], vkey: string): boolean => {
  const [, name = '', id = '', encoded = ''] = VKEY.exec(vkey) ?? [];
  const key = Buffer.from(encoded, 'base64');
  if (key.length !== 33 || keyIdOf(name, key.subarray(1)).toString('hex') !== id) return false;
  const publicKey = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, key.subarray(1)]),
    format: 'der',
    type: 'spki',
  });
  return lines.some((line) => {
    if (!line.startsWith(`\u2014 ${name} `)) return false;
    const signature = Buffer.from(line.slice(name.length + 3), 'base64');
    return (
      signature.length === 68 &&
      signature.subarray(0, 4).toString('hex') === id &&
      verify(null, Buffer.from(body), publicKey, signature.subarray(4))
    );
  });
};

/** The checkpoint of a note that one of these verifier keys signed; undefined for anything else. */
export const openCheckpoint = (note: string, vkeys: readonly string[]): Checkpoint | undefined => {
  const end = note.indexOf('\n\n');
  const body = note.slice(0, end + 1);
  const [, origin, size, root] = BODY.exec(body) ?? [];
  if (end < 0 || origin === undefined || size === undefined || root === undefined) return undefined;
  const lines = note.slice(end + 2).split('\n');
  if (!vkeys.some((vkey) => vkey.startsWith(`${origin}+`) && isSignedBy(body, lines, vkey))) return undefined;
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') };
};
