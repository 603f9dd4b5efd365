import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A file that pages load. Its address holds its hash, so that a copy of it never grows old. */
export type Asset = Readonly<{ path: string; type: string; bytes: Buffer }>;

const FILES = {
  'style.css': 'text/css; charset=utf-8',
  'page.mjs': 'text/javascript; charset=utf-8',
  'token-cost.mjs': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

type AssetName = keyof typeof FILES;

const HASH_LENGTH = 16;

const load = (name: AssetName): Asset => {
  const bytes = readFileSync(new URL(`./static/${name}`, import.meta.url));
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, HASH_LENGTH);
  return { path: `/assets/${hash}-${name}`, type: FILES[name], bytes };
};

/** The files of the build that pages load, by name. @throws when one is missing, so that a start fails */
export const loadAssets = (): Readonly<Record<AssetName, Asset>> => ({
  'style.css': load('style.css'),
  'page.mjs': load('page.mjs'),
  'token-cost.mjs': load('token-cost.mjs'),
  'icon.svg': load('icon.svg'),
});

export type Assets = ReturnType<typeof loadAssets>;
