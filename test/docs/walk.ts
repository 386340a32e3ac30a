/**
 * Does what a guide says, from top to bottom, in a folder of its own beside a copy of the sample production. What the words
 * after a fence mean:
 *
 * - a path (`yaml lead/production.yaml`): the block is written to that file
 * - `sh`: is run; must end with 0, or as `exit=5` says
 * - `sh background`: is started and goes on until the guide ends
 * - `sh retry`: is run until it ends as it should and says what the `text` after it shows
 * - `sh example`: is not run here; its commands and flags are checked like all others
 * - `yaml destination`: stands under `destinations` in the copy of the sample production, which must pass `waybill check`;
 *   with `keep` it stays there
 * - `text`: what the `sh` before it printed; `...` stands for anything, alone in a line for any lines
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parse, parseDocument } from 'yaml';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { freePort } from '../../scripts/start/free-port.ts';
import { mongoSkip, testMongo } from '../support/mongo.ts';
import { cleanUp, temporaryFolder } from '../support/redis.ts';
import { type Block, blocksOf } from './markdown.ts';

const RETRY_WITHIN_MS = 60_000;
const RETRY_EVERY_MS = 250;
/** Ports that guides name; each becomes a free one. */
const NAMED_PORTS = ['8090', '8470', '8480', '9464'];
const PORTS = new RegExp(`\\b(?:${NAMED_PORTS.join('|')})\\b`, 'g');
/** Where guides have their MongoDB server; becomes the one of the tests, where there is one. */
const MONGODB = /mongodb:\/\/127\.0\.0\.1:27017\/?/g;
const FILE_LANGUAGES = new Set(['yaml', 'csv', 'ts', 'js', 'python', 'text', 'ini']);

interface Ran {
  readonly code: number | string | null;
  readonly output: string;
}

/** Walks through a page; fails at the first block that does not do what it says. @returns number of blocks done */
export async function walk(t: TestContext, page: string): Promise<number> {
  const walker = await Walker.make(t);
  let done = 0;
  const blocks = blocksOf(page);
  for (const [index, block] of blocks.entries()) {
    const place = `${block.page}:${block.line}`;
    try {
      if (await walker.step(block, blocks[index + 1])) done += 1;
    } catch (error) {
      throw new Error(`${place}: ${error instanceof Error ? error.message : String(error)}\n${walker.logs()}`, {
        cause: error,
      });
    }
  }
  return done;
}

class Walker {
  readonly #folder: string;
  readonly #tools: string;
  readonly #ports = new Map<string, number>();
  readonly #exports: string[] = [];
  #mongo: string | undefined;
  readonly #background: { readonly child: ChildProcess; log: string }[] = [];

  constructor(folder: string, tools: string) {
    this.#folder = folder;
    this.#tools = tools;
  }

  static async make(t: TestContext): Promise<Walker> {
    const root = await temporaryFolder(t, 'waybill-guide-');
    const [folder, tools] = [join(root, 'project'), join(root, 'tools')];
    await cp(join(PROJECT_FOLDER, 'config'), join(folder, 'config'), { recursive: true });
    await mkdir(tools);
    const program = join(PROJECT_FOLDER, 'cli', 'waybill.mjs');
    await writeFile(
      join(tools, 'npx'),
      `#!/bin/sh\nshift\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(program)} "$@"\n`,
    );
    await chmod(join(tools, 'npx'), 0o755);
    const walker = new Walker(folder, tools);
    for (const port of NAMED_PORTS) walker.#ports.set(port, await freePort());
    if (mongoSkip() === false) walker.#mongo = (await testMongo(t)).url;
    const production = join(folder, 'config', 'production.yaml');
    await writeFile(production, walker.#local(await readFile(production, 'utf8')));
    cleanUp(t, () => walker.#end());
    return walker;
  }

  /** Does one block. @returns false where nothing was to be done */
  async step(block: Block, next: Block | undefined): Promise<boolean> {
    const { language, words } = block;
    const text = this.#local(block.text);
    if (language === 'sh')
      return this.#shell(
        text,
        words,
        next?.language === 'text' && next.words.length === 0 ? this.#local(next.text) : undefined,
      );
    if (language === 'yaml' && words[0] === 'destination') return this.#destination(text, words.includes('keep'));
    const [path] = words;
    if (!FILE_LANGUAGES.has(language) || path === undefined) return false;
    await mkdir(dirname(join(this.#folder, path)), { recursive: true });
    await writeFile(join(this.#folder, path), text);
    return true;
  }

  logs(): string {
    return this.#background.map(({ log }, index) => `background ${index + 1}:\n${log}`).join('\n');
  }

  async #shell(text: string, words: readonly string[], expected: string | undefined): Promise<boolean> {
    if (words.includes('example')) return false;
    if (words.includes('background')) return this.#start(text);
    const code = Number(words.find((word) => word.startsWith('exit='))?.slice('exit='.length) ?? 0);
    const until = performance.now() + (words.includes('retry') ? RETRY_WITHIN_MS : 0);
    for (;;) {
      const ran = await this.#run(text);
      const right = ran.code === code && (expected === undefined || pattern(expected).test(ran.output));
      if (right) break;
      if (performance.now() >= until) {
        assert.equal(ran.code, code, ran.output);
        assert.match(ran.output, pattern(expected ?? ''));
      }
      await wait(RETRY_EVERY_MS);
    }
    this.#exports.push(...text.split('\n').filter((line) => line.startsWith('export ')));
    return true;
  }

  async #destination(text: string, keep: boolean): Promise<boolean> {
    const path = join(this.#folder, 'config', 'production.yaml');
    const before = await readFile(path, 'utf8');
    const production = parseDocument(before);
    const given = parse(text) as Readonly<Record<string, unknown>>;
    for (const [name, destination] of Object.entries(given)) production.setIn(['destinations', name], destination);
    await writeFile(path, production.toString());
    const ran = await this.#run('npx waybill check config');
    if (!keep) await writeFile(path, before);
    assert.equal(ran.code, 0, ran.output);
    return true;
  }

  #start(text: string): boolean {
    const child = this.#spawn(text, true);
    const entry = { child, log: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        entry.log += chunk.toString();
      });
    }
    this.#background.push(entry);
    return true;
  }

  async #run(text: string): Promise<Ran> {
    const child = this.#spawn(text, false);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    await once(child, 'close');
    return { code: child.exitCode ?? child.signalCode, output: output.replaceAll('\r\n', '\n') };
  }

  #spawn(text: string, detached: boolean): ChildProcess {
    const { REDIS_URL: _redis, WAYBILL_DATA: _data, NODE_TEST_CONTEXT: _test, ...env } = process.env;
    const script = ['set -e', ...this.#exports, detached ? `exec ${text}` : text].join('\n');
    return spawn('bash', ['-c', script], {
      cwd: this.#folder,
      detached,
      env: { ...env, PATH: `${this.#tools}:${env.PATH ?? ''}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #local(text: string): string {
    const placed = text.replace(PORTS, (port) => String(this.#ports.get(port) ?? port));
    return this.#mongo === undefined ? placed : placed.replace(MONGODB, this.#mongo);
  }

  /** Engines first, then receivers: the last one started goes first. */
  async #end(): Promise<void> {
    for (const { child } of this.#background.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}

/** What an output must look like to be the one that a guide shows. */
export function pattern(shown: string): RegExp {
  const lines = shown
    .trimEnd()
    .split('\n')
    .map((line) => (line === '...' ? '(?:.*\\n)*?' : `${inLine(line)} *\\n`));
  return new RegExp(`^(?:\\n)*${lines.join('')}\\s*$`);
}

/** `...` is anything; `7kq2` is the name of whatever data folder it is. */
function inLine(line: string): string {
  return line
    .split('...')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('7kq2', '[a-z0-9]{4}'))
    .join('.*');
}
