import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { editorSchemas } from '../../engine/config/json-schema.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { ADAPTERS_FLAG, type Command, EXIT, optionalFlag } from '../command.ts';
import { adapterFolders } from '../folders.ts';
import { printJson } from '../output.ts';
import { testsEditorSchema } from '../testing/schema.ts';

export const schema: Command = {
  name: 'schema',
  summary: 'Give JSON Schemas of production.yaml and of the files beside it, for completion and checks in an editor.',
  usage: '[--out DIR]',
  flags: {
    out: {
      type: 'string',
      value: 'DIR',
      description:
        'Write each as NAME.schema.json into this folder instead of printing them all, and print the line that a YAML file needs.',
    },
    ...ADAPTERS_FLAG,
  },
  async run(invocation) {
    const registry = await loadAdapters(adapterFolders(invocation));
    const schemas = { ...(await editorSchemas(registry)), tests: testsEditorSchema() };
    const out = optionalFlag(invocation, 'out');
    if (out === undefined) {
      printJson(invocation, schemas);
      return EXIT.ok.code;
    }
    mkdirSync(resolve(out), { recursive: true });
    invocation.tell(
      'As the first line of a file, for editors with the YAML language server (the path is relative to that file):',
    );
    for (const [name, value] of Object.entries(schemas)) {
      const path = join(resolve(out), `${name}.schema.json`);
      writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
      invocation.print(`# yaml-language-server: $schema=${pathFrom(name, path)}`);
    }
    return EXIT.ok.code;
  },
};

/** The schema's path as seen from a file of its kind, where the production is the current folder. */
function pathFrom(name: string, path: string): string {
  const folder = name === 'production' ? '.' : name;
  return relative(resolve(folder), path).replaceAll('\\', '/');
}
