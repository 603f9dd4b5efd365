import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const NONCE = 12;
const TAG = 16;

const seal = (key: Buffer, aad: string, plain: Buffer): Buffer => {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(aad));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
};

const open = (key: Buffer, aad: string, sealed: Buffer): Buffer => {
  // A cut value would leave a shorter tag, which is easier to guess.
  if (sealed.length < NONCE + TAG) throw new Error('a sealed value is too short');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(aad));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, sealed.length - TAG)), decipher.final()]);
};

/**
 * Where a sealed value lives. It is authenticated with the value, so a ciphertext copied to another row or organization
 * does not open.
 */
export type SecretPlace = Readonly<{ organizationId: string; table: string; column: string; row: string }>;

const aadOf = (place: SecretPlace): string => [place.organizationId, place.table, place.column, place.row].join('|');

/**
 * Envelope encryption (AES-256-GCM, 96-bit random nonces): the master key wraps one data key per organization, the data
 * key seals values. Opening a value that was altered, moved or sealed under another key throws.
 */
export class Vault {
  readonly #master: Buffer;
  readonly #keys = new Map<string, Buffer>();

  constructor(masterKey: Buffer) {
    if (masterKey.length !== 32) throw new Error('the master key must be 32 bytes');
    this.#master = masterKey;
  }

  /** A new data key for an organization, wrapped; store it in `organization_keys`. */
  newOrganizationKey(organizationId: string): Buffer {
    return seal(this.#master, `organization-key|${organizationId}`, randomBytes(32));
  }

  #dataKey(organizationId: string, wrapped: Buffer): Buffer {
    const id = `${organizationId}|${wrapped.toString('base64')}`;
    const known = this.#keys.get(id);
    if (known) return known;
    const key = open(this.#master, `organization-key|${organizationId}`, wrapped);
    if (this.#keys.size > 50_000) this.#keys.clear();
    this.#keys.set(id, key);
    return key;
  }

  seal(wrapped: Buffer, place: SecretPlace, plain: string): Buffer {
    return seal(this.#dataKey(place.organizationId, wrapped), aadOf(place), Buffer.from(plain));
  }

  open(wrapped: Buffer, place: SecretPlace, sealed: Buffer): string {
    return open(this.#dataKey(place.organizationId, wrapped), aadOf(place), sealed).toString();
  }

  /** A key for one purpose of one organization (HKDF-SHA-256, RFC 5869), such as digests of arguments. */
  organizationPurposeKey(organizationId: string, wrapped: Buffer, purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#dataKey(organizationId, wrapped), organizationId, purpose, 32));
  }

  /** A key for one purpose of the whole installation, such as sealing session ids. */
  purposeKey(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#master, 'toolgate', purpose, 32));
  }

  /** Seals a value that belongs to no organization, such as the stored answer of an anonymous sign-up. */
  sealForInstallation(purpose: string, row: string, plain: string): Buffer {
    return seal(this.purposeKey(purpose), `installation|${purpose}|${row}`, Buffer.from(plain));
  }

  openForInstallation(purpose: string, row: string, sealed: Buffer): string {
    return open(this.purposeKey(purpose), `installation|${purpose}|${row}`, sealed).toString();
  }
}
