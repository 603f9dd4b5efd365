import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const ROOMS = ['data-plane', 'mcp/protocol'];

test(
  "only one file writes the heads of the gateway's answers, so that each has nosniff and a media " + 'type of our own',
  async () => {
    const writers: string[] = [];
    for (const room of ROOMS) {
      const folder = new URL(`../../../src/${room}/`, import.meta.url);
      for (const name of await readdir(folder, { recursive: true })) {
        if (name.endsWith('.ts') && (await readFile(new URL(name, folder), 'utf8')).includes('.writeHead('))
          writers.push(`${room}/${name}`);
      }
    }
    expect(writers).toEqual(['mcp/protocol/answers.ts']);
  },
);
