/** What is wrong with the alerts of a production that no schema can see: for `waybill check`. */
import { constants, readFileSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Problem, ProblemList } from '../engine/config/problems.ts';
import { parseYaml, treeAt } from '../engine/config/yaml.ts';
import type { AlertChannel } from '../engine/contracts/alerts.ts';
import type { Production } from '../engine/contracts/production.ts';
import type { KeyPath } from '../engine/contracts/resources.ts';
import { endOfPem } from './certificates.ts';
import { programPath } from './channels/program-path.ts';
import { ALERT_ERRORS, type AlertErrorCode } from './errors.ts';

const FILE = 'production.yaml';

interface Finding {
  readonly path: KeyPath;
  readonly code: AlertErrorCode;
  readonly found: string;
  readonly expected: string;
}

/**
 * Programs of channels that are not there or may not be run, and CAs that are none; with their places, as they are written
 * in the file. Changes nothing, sends nothing. @throws an error of the disk where production.yaml is gone
 */
export async function alertProblems(production: Pick<Production, 'folder' | 'alerts'>): Promise<readonly Problem[]> {
  const problems = new ProblemList();
  const channels = Object.entries(production.alerts?.channels ?? {});
  if (channels.length === 0) return [];
  const yaml = parseYaml(readFileSync(join(production.folder, FILE), 'utf8'));
  for (const [name, channel] of channels) {
    const path = ['alerts', 'channels', name];
    const program = treeAt(yaml.tree, [...path, 'command', 0]);
    const written = typeof program === 'string' ? program : name;
    for (const finding of await findings(channel, path, written, production.folder))
      problems.addIssues(FILE, yaml, [{ ...finding, cure: ALERT_ERRORS[finding.code].cure }]);
  }
  return problems.sorted();
}

async function findings(
  channel: AlertChannel,
  path: KeyPath,
  written: string,
  folder: string,
): Promise<readonly Finding[]> {
  if (channel.type === 'command') {
    if (await canRun(channel.command[0] ?? '', folder)) return [];
    const at = [...path, 'command', 0];
    return [{ path: at, code: 'ALERT_COMMAND_NOT_FOUND', found: written, expected: 'a program that may be run' }];
  }
  if (channel.ca === undefined || !Number.isNaN(endOfPem(channel.ca))) return [];
  const found = 'no certificate that can be read';
  return [{ path: [...path, 'ca'], code: 'ALERT_CERTIFICATE', found, expected: 'a certificate in PEM' }];
}

async function canRun(program: string, folder: string): Promise<boolean> {
  const paths = program.includes('/')
    ? [programPath(program, folder)]
    : (process.env.PATH ?? '').split(delimiter).map((each) => join(each, program));
  const found = await Promise.all(paths.map(isProgram));
  return found.includes(true);
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Not there, or not for us: either way it cannot be run.
    return false;
  }
}
