import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Where the demo writes, and whether all that it said would happen did. */
export type Screen = Readonly<{
  chapter: (title: string) => void;
  line: (text?: string) => void;
  /** One row of the table that `widths` began. */
  row: (cells: readonly string[], style?: Style) => void;
  widths: (next: readonly number[]) => void;
  /** Says whether something held; what did not makes the demo fail. */
  check: (what: string, held: boolean) => void;
  failures: () => number;
}>;

/** The first 14 characters of a secret: what kind it is, never the secret part. */
export const masked = (secret: string): string => `${secret.slice(0, 14)}…`;

/** `text` in at most `width` characters. */
export const clipped = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

/** Colour is for terminals; a pipe or a file gets plain text. */
export const makeScreen = (out: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>): Screen => {
  const paint = (style: Style, text: string): string => (out.isTTY ? styleText(style, text) : text);
  let columns: readonly number[] = [];
  let failed = 0;
  let chapters = 0;
  const line = (text = ''): void => void out.write(`${text}\n`);
  return {
    line: (text) => line(text === undefined || text === '' ? '' : `   ${text}`),
    chapter: (title) => {
      chapters += 1;
      line();
      line(paint('bold', `${chapters}. ${title}`));
    },
    widths: (next) => {
      columns = next;
    },
    row: (cells, style) => {
      const text = cells
        .map((cell, index) => cell.padEnd(columns[index] ?? 0))
        .join('  ')
        .trimEnd();
      line(`   ${style ? paint(style, text) : text}`);
    },
    check: (what, held) => {
      if (!held) failed += 1;
      line(`   ${held ? paint('green', '✓') : paint('red', '✗ NOT SO:')} ${what}`);
    },
    failures: () => failed,
  };
};

const TELL_EVERY_MS = 2000;

/** Waits for `work`, saying every two seconds that it still does. */
export const withProgress = async <T>(screen: Screen, what: string, work: Promise<T>): Promise<T> => {
  const began = Date.now();
  const timer = setInterval(
    () => screen.line(`… ${what} (${Math.round((Date.now() - began) / 1000)} s)`),
    TELL_EVERY_MS,
  );
  return await work.finally(() => clearInterval(timer));
};
