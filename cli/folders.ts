import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Invocation, optionalFlag } from './command.ts';

/** The data folder that a command line means, absolute. */
export function dataFolder(invocation: Invocation): string {
  return resolve(optionalFlag(invocation, 'data') ?? process.env.WAYBILL_DATA ?? 'data');
}

/** The production's folder: the word given, or the current folder, or `config` in it. */
export function productionFolder(word: string | undefined): string {
  if (word !== undefined) return resolve(word);
  return existsSync('production.yaml') ? resolve('.') : resolve('config');
}

/** Folders of adapters beside Waybill's own. */
export function adapterFolders(invocation: Invocation): readonly string[] {
  const folder = optionalFlag(invocation, 'adapters');
  return folder === undefined ? [] : [resolve(folder)];
}

/** The ledger's file in a data folder. */
export function ledgerPath(folder: string): string {
  return join(folder, 'ledger.db');
}
