/** Commands that README and guides name exist, with their flags; what npm runs is in package.json. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from '../../cli/commands.ts';
import { projectText } from '../support/source-files.ts';
import { blocksOf, commandsOf, handWrittenPages, proseOf } from './markdown.ts';

const pages = handWrittenPages();

test('every command of waybill that a page names exists, with the flags that it is given', async () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const { place, words } of pages.flatMap(commandsOf)) {
    const [name = '', ...rest] = words;
    if (name === '--version' || name === 'help') continue;
    seen += 1;
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!load) {
      wrong.push(`${place}: waybill ${name}`);
      continue;
    }
    const { flags } = await load();
    const given = rest.filter((word) => word.startsWith('--')).flatMap((word) => word.split('|'));
    for (const flag of given) {
      const plain = /^--([a-z-]+)/.exec(flag)?.[1] ?? '';
      if (!Object.hasOwn(flags, plain)) wrong.push(`${place}: waybill ${name} ${flag}`);
    }
  }
  assert.ok(seen > 30, `${seen} commands were found`);
  assert.deepEqual(wrong, []);
});

test('every script of npm that a page names is in package.json', () => {
  const { scripts } = JSON.parse(projectText('package.json')) as { scripts: Record<string, string> };
  const named = pages.flatMap((page) => {
    const code = [
      ...blocksOf(page).map(({ text }) => text),
      ...[...proseOf(page).matchAll(/`([^`\n]+)`/g)].map((m) => m[1] ?? ''),
    ];
    return code.flatMap((text) =>
      [...text.matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)].map((m) => m[1] ?? m[2] ?? ''),
    );
  });
  assert.ok(named.includes('demo') && named.includes('start'));
  assert.deepEqual(
    named.filter((name) => !Object.hasOwn(scripts, name)),
    [],
  );
});
