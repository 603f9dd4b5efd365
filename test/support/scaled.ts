const isFull = process.env['SCALE'] === 'full' || process.env['FAULTS'] === 'full';

/**
 * How many cases a file named `*.scaled.test.ts` runs: all of them in `npm run test:slow`, fewer in `npm test`. Both
 * suites run such files.
 */
export const scaled = (all: number, few: number): number => (isFull ? all : few);
