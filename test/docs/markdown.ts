/** What the tests read in a page: its fenced blocks, its links, its anchors, and the commands that it names. */
import { posix } from 'node:path';
import { projectFiles, projectText } from '../support/source-files.ts';

export interface Block {
  readonly page: string;
  /** Line of the page where the block begins, from 1. */
  readonly line: number;
  /** First word after the fence: `sh`, `yaml`, `text`, ... */
  readonly language: string;
  /** The other words: a path to write to, or how to run it. */
  readonly words: readonly string[];
  readonly text: string;
}

/** Pages written by hand whose commands are tested, relative to the project. */
export function handWrittenPages(): readonly string[] {
  return ['README.md', 'docs/README.md', ...projectFiles('docs/guides').filter((path) => path.endsWith('.md'))];
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [index, line] of projectText(page).split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (!fence) {
      open?.lines.push(line);
    } else if (!open) {
      open = { line: index + 1, info: fence[1] ?? '', lines: [] };
    } else {
      const [language = '', ...words] = open.info.trim().split(/\s+/);
      blocks.push({ page, line: open.line, language, words, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    }
  }
  if (open) throw new Error(`${page}:${open.line}: the block is not closed`);
  return blocks;
}

/** Text of a page without its fenced blocks. */
export function proseOf(page: string): string {
  return projectText(page).replace(/^```[\s\S]*?^```$/gm, '');
}

export interface Link {
  /** As written. */
  readonly target: string;
  /** Path of the file it means, relative to the project; `undefined` for an address on the web. */
  readonly file: string | undefined;
  readonly anchor: string;
}

/** Links and pictures of a page. */
export function linksOf(page: string): readonly Link[] {
  const prose = proseOf(page);
  const targets = [
    ...[...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? ''),
    ...[...prose.matchAll(/\b(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? ''),
  ];
  return targets.map((target) => {
    if (/^[a-z]+:/.test(target)) return { target, file: undefined, anchor: '' };
    const [path = '', anchor = ''] = target.split('#');
    return { target, file: path === '' ? page : posix.join(posix.dirname(page), path), anchor };
  });
}

/** Anchors that a git host makes from the headings of a page. */
export function anchorsOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

export interface NamedCommand {
  readonly place: string;
  /** Words after `waybill`. */
  readonly words: readonly string[];
}

/** Every command line of `waybill` in blocks and in code within the text. */
export function commandsOf(page: string): readonly NamedCommand[] {
  const inBlocks = blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text, line }) => text.split('\n').map((code) => ({ place: `${page}:${line}`, code })));
  const inText = [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map((match) => ({ place: page, code: match[1] ?? '' }));
  return [...inBlocks, ...inText].flatMap(({ place, code }) => {
    const found = /(?:^|[\s;&|(])(?:npx )?waybill ([a-z-][^|;&#>]*)/.exec(code);
    return found ? [{ place, words: (found[1] ?? '').trim().split(/\s+/) }] : [];
  });
}
