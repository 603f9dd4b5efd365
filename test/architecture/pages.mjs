/** Checks and generated parts of the Markdown pages and of the lines of every file that people read. */
import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const MAX_COLUMNS = 120;
const MARKDOWN = /\.md$/;
const FENCE = /^\s*(```|~~~)/;
const LINK = /\[[^\]]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;

const lines = (path) => readFileSync(path, 'utf8').split('\n');

/**
 * Lines over 120 columns, as `file:line: n columns`. Tables in Markdown may be longer, and so may lines that only a URL
 * makes long, and imports of one name, which the formatter keeps on one line.
 */
export function longLines(root, files) {
  return files.flatMap((file) =>
    lines(join(root, file)).flatMap((line, index) => {
      if (line.length <= MAX_COLUMNS) return [];
      if (MARKDOWN.test(file) && /^\s*\|/.test(line)) return [];
      if (/^import \{ \w+ \} from '[^']+';$/.test(line)) return [];
      if (/https?:\/\/\S+/.test(line) && line.replace(/https?:\/\/\S+/g, '').length <= MAX_COLUMNS) return [];
      return [`${file}:${index + 1}: ${line.length} columns`];
    }),
  );
}

/** The anchor that a heading gets, as the usual renderers make it. */
const anchorOf = (heading) =>
  heading
    .replace(/[`*_]|\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

const withoutFences = (path) => {
  let fenced = false;
  return lines(path).map((line) => {
    const isFence = FENCE.test(line);
    if (isFence) fenced = !fenced;
    return fenced || isFence ? '' : line;
  });
};

const anchorsOf = (path) => {
  const seen = new Map();
  return new Set(
    withoutFences(path)
      .filter((line) => /^#{1,6}\s/.test(line))
      .map((line) => {
        const anchor = anchorOf(line.replace(/^#+\s+/, ''));
        const count = seen.get(anchor) ?? 0;
        seen.set(anchor, count + 1);
        return count === 0 ? anchor : `${anchor}-${count}`;
      }),
  );
};

/** Relative links of Markdown pages that lead to no file or to no heading. Links to other sites are not followed. */
export function brokenLinks(root, pages) {
  return pages.flatMap((page) => {
    const path = join(root, page);
    return withoutFences(path).flatMap((line, index) =>
      [...line.replace(/`[^`]*`/g, '').matchAll(LINK)].flatMap(([, target]) => {
        if (/^[a-z]+:/i.test(target)) return [];
        const [file, anchor] = target.split('#');
        const to = file === '' ? path : join(dirname(path), decodeURIComponent(file));
        const leadsSomewhere = existsSync(to) && (!anchor || (MARKDOWN.test(to) && anchorsOf(to).has(anchor)));
        return leadsSomewhere ? [] : [`${page}:${index + 1}: ${target}`];
      }),
    );
  });
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const names = (list) => (list.length === 0 ? 'nothing' : list.map((name) => `\`${name}\``).join(', '));

/** The tables of areas and rooms as docs/architecture.md holds them, made from the import rules. */
export function areaTables() {
  const { areas, rooms } = createRequire(import.meta.url)('./rooms.cjs').tables;
  const ofAreas = Object.entries(areas).map(([area, { holds, may }]) => [`\`${area}/\``, holds, names(may)]);
  const ofRooms = Object.entries(rooms).map(([room, { holds, may }]) => [`\`${room}/\``, holds, names(may)]);
  return (
    `${table(['area', 'holds', 'may import'], ofAreas)}\n\n` + table(['room', 'holds', 'may also import'], ofRooms)
  );
}

/** `text` with what stands between the markers of `name` replaced; undefined when it has no such markers. */
export function withGenerated(text, name, content) {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) return undefined;
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

/** Exported functions and constants that hold one, without a docstring. */
export function undocumented(root, files) {
  const ts = createRequire(import.meta.url)('typescript');
  const isFunction = (node) => node !== undefined && (ts.isArrowFunction(node) || ts.isFunctionExpression(node));
  const isExported = (node) =>
    ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  const hasDocstring = (source, node) =>
    (ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? []).some(({ pos }) =>
      source.text.startsWith('/**', pos),
    );
  return files.flatMap((file) => {
    const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
    return source.statements.flatMap((node) => {
      if (!isExported(node)) return [];
      const declared =
        (ts.isFunctionDeclaration(node) && node.name) ||
        (ts.isVariableStatement(node) &&
          node.declarationList.declarations.find(({ initializer }) => isFunction(initializer))?.name);
      if (!declared || hasDocstring(source, node)) return [];
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      return [`${relative(root, join(root, file))}:${line + 1}: ${declared.getText(source)}`];
    });
  });
}
