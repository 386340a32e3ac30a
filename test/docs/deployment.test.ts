/** What the guide for deployment only shows (it wants root, or Docker): names, paths and options are those that exist. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../cli/command.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { needsProgram, program, ran } from '../deploy/support.ts';
import { temporaryFolder } from '../support/redis.ts';
import { projectFiles, projectText } from '../support/source-files.ts';
import { blocksOf } from './markdown.ts';

const PAGE = 'docs/guides/deployment.md';
const UNIT = projectText('deploy/waybill.service');
/** Programs whose help lists their long options; those with verbs are asked for the help of the verb. */
const PLAIN = new Set(['useradd', 'cp', 'install', 'ln', 'tar', 'systemctl', 'journalctl']);
const blocks = blocksOf(PAGE);
const examples = blocks.filter(({ language, words }) => language === 'sh' && words.includes('example'));

/** Command lines of a block: continued lines put together, comments and variables in front taken away. */
function commandLines(text: string): readonly (readonly string[])[] {
  return text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line) => line.replace(/\s+#.*$/, '').split(' && '))
    .map((line) => line.trim().split(/\s+/))
    .filter(([first = '']) => first !== '');
}

test('every option that it shows exists', (t) => {
  let seen = 0;
  for (const [name = '', ...words] of examples.flatMap(({ text }) => commandLines(text))) {
    const docker = name === 'docker' && (words[0] === 'build' || words[0] === 'run');
    if (!PLAIN.has(name) && !docker) continue;
    if (program(name) === undefined) {
      t.diagnostic(`${name} is not on this machine`);
      continue;
    }
    const help = ran(name, docker ? [words[0] ?? '', '--help'] : ['--help']).output;
    for (const word of words.filter((each) => each.startsWith('--'))) {
      const [option = ''] = word.split('=');
      assert.match(help, new RegExp(`${option}\\b`), `${name} ${option}`);
      seen += 1;
    }
  }
  assert.ok(seen > 10, `${seen} options were looked at`);
});

test('its files, and its places under systemd, are those of deploy/', () => {
  const text = blocks.map((block) => block.text).join('\n');
  const own = [...text.matchAll(/\bdeploy\/[\w.-]+/g)]
    .map(([path]) => path)
    .filter((path) => path !== 'deploy/secrets');
  assert.ok(own.length >= 4);
  const there = new Set(projectFiles('deploy'));
  assert.deepEqual(
    own.filter((path) => !there.has(path)),
    [],
  );
  for (const place of ['/etc/waybill/environment', '/etc/waybill/production', '/opt/waybill', '/srv/waybill']) {
    assert.ok(text.includes(place) && UNIT.includes(place), place);
  }
});

test('the secrets that it makes are those that the compose file reads', () => {
  const made = [
    ...blocks
      .map(({ text }) => text)
      .join('\n')
      .matchAll(/> (deploy\/secrets\/[\w.-]+)/g),
  ].map((match) => match[1]);
  const read = [...projectText('deploy/compose.yaml').matchAll(/file: (secrets\/[\w.-]+)/g)].map(
    (match) => `deploy/${match[1]}`,
  );
  assert.deepEqual(new Set(made), new Set(read));
});

test('the codes in its table are codes, and systemd does with them what it says', () => {
  const table = /\| code \| systemd \|\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(projectText(PAGE))?.[1] ?? '';
  const codes = [...table.matchAll(/^\| ([\d, ]+)/gm)]
    .flatMap((match) => (match[1] ?? '').match(/\d+/g) ?? [])
    .map(Number);
  // 6 is of verify alone.
  const wanted = Object.values(EXIT).filter((each) => each !== EXIT.mismatch);
  assert.deepEqual(codes.sort(), wanted.map(({ code }) => code as number).sort());
  const staysDown = [...table.matchAll(/^\| ([\d, ]+)\| stays down/gm)].flatMap(
    (match) => (match[1] ?? '').match(/\d+/g) ?? [],
  );
  assert.equal(/RestartPreventExitStatus=(.*)/.exec(UNIT)?.[1], staysDown.filter((code) => code !== '0').join(' '));
});

test('the drop-in for the unit is one that systemd takes', needsProgram('systemd-analyze'), async (t) => {
  const folder = await temporaryFolder(t, 'waybill-drop-in-');
  const unit = join(folder, 'waybill.service');
  await writeFile(unit, UNIT.replaceAll('/usr/bin/node', process.execPath).replaceAll('/opt/waybill', PROJECT_FOLDER));
  await mkdir(`${unit}.d`);
  const dropIn = blocks.find(({ language }) => language === 'ini')?.text ?? '';
  assert.match(dropIn, /^\[Service\]\nReadWritePaths=/);
  await writeFile(join(`${unit}.d`, 'local.conf'), dropIn);
  assert.deepEqual(ran('systemd-analyze', ['verify', unit]), { status: 0, output: '' });
});

test('nginx takes what it shows', needsProgram('nginx'), async (t) => {
  const folder = await temporaryFolder(t, 'waybill-nginx-');
  const shown = blocks.find(({ language }) => language === 'nginx')?.text ?? '';
  // Without the certificate, which is not there, and on a port that needs no root; the rest as it is shown.
  const server = shown.replace('listen 443 ssl;', 'listen 127.0.0.1:8443;').replace(/^\s*ssl_certificate.*\n/gm, '');
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};\n`,
  );
  const http = `access_log off;\n${places.join('')}${server}`;
  const config = `pid ${folder}/pid;\nerror_log ${folder}/log;\nevents {}\nhttp {\n${http}}\n`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const { status, output } = ran('nginx', ['-t', '-q', '-p', folder, '-c', join(folder, 'nginx.conf')]);
  assert.equal(status, 0, output);
});
