import {
  ADAPTERS_FLAG,
  type Command,
  DATA_FLAG,
  type Invocation,
  JSON_FLAG,
  optionalFlag,
  requiredFlag,
  UsageError,
} from '../command.ts';
import { bytesFrom, type Changes, changesFrom, changesOf } from '../edit/changes.ts';
import { commit, VERSION_FLAGS } from '../edit/commit.ts';
import { inEditor } from '../edit/editor.ts';
import { messageToReplace, planMessageEdit } from '../edit/message.ts';
import { bodyOf, type EditPlan } from '../edit/plan.ts';
import { planRowEdit } from '../edit/row.ts';
import { subjectOf } from '../edit/subject.ts';
import { registryOf, transportsOf } from '../edit/transports.ts';
import { dataFolder } from '../folders.ts';
import { type Reading, reading } from '../ledger.ts';
import { BY_FLAG } from '../who.ts';

export const edit: Command = {
  name: 'edit',
  summary:
    'Change values of a row, or a whole message, and send that as a new version in its place; the old one stays in the ledger, linked.',
  usage:
    'SUBMISSION:LINE --set COLUMN=VALUE ... --reason TEXT [FOLDER], or MESSAGE --file FILE | --editor --reason TEXT [FOLDER]',
  flags: {
    set: {
      type: 'string',
      value: 'COLUMN=VALUE',
      multiple: true,
      description: 'A new value of a column; may be given several times. It stays in the history of the shell.',
    },
    from: {
      type: 'string',
      value: 'FILE',
      description: 'The new values, as YAML: a column and its value in each line. `-` is standard input.',
    },
    file: { type: 'string', value: 'FILE', description: 'The whole message of one entry. `-` is standard input.' },
    editor: { type: 'boolean', description: 'The whole message of one entry, in $VISUAL or $EDITOR.' },
    entry: {
      type: 'string',
      value: 'NAME',
      description: 'Only this entry of the route; default: all that may change.',
    },
    again: { type: 'boolean', description: 'Also what was delivered: the receiver gets it once more.' },
    reason: { type: 'string', value: 'TEXT', description: 'Why, for those who come after. Required. Never a value.' },
    ...VERSION_FLAGS,
    ...BY_FLAG,
    ...DATA_FLAG,
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const input = inputOf(invocation);
    const reason = requiredFlag(invocation, 'reason');
    const folder = dataFolder(invocation);
    const plan = await reading(folder, (open) => planned(invocation, open, input));
    return commit(invocation, { plan, reason, dataFolder: folder });
  },
};

interface Input {
  readonly word: string;
  /** The production's, asked where no engine runs. */
  readonly folder: string | undefined;
  readonly how:
    | { readonly kind: 'row'; readonly changes: Changes }
    | { readonly kind: 'file'; readonly bytes: Uint8Array }
    | { readonly kind: 'editor' };
}

function inputOf(invocation: Invocation): Input {
  const [word, ...others] = invocation.words;
  if (word === undefined) throw new UsageError('SUBMISSION:LINE or MESSAGE is missing');
  const set = [...(invocation.lists?.set ?? []), ...others.filter((other) => other.includes('='))];
  const [folder, more] = others.filter((other) => !other.includes('='));
  if (more !== undefined) throw new UsageError('one SUBMISSION:LINE or MESSAGE is taken, and one FOLDER');
  const from = optionalFlag(invocation, 'from');
  const file = optionalFlag(invocation, 'file');
  const editor = invocation.flags.editor === true;
  const rows = set.length > 0 || from !== undefined;
  if ([rows, file !== undefined, editor].filter(Boolean).length !== 1)
    throw new UsageError('give new values with --set or --from, or the whole message with --file or --editor');
  if (file !== undefined) return { word, folder, how: { kind: 'file', bytes: bytesFrom(file) } };
  if (editor) return { word, folder, how: { kind: 'editor' } };
  const changes: Changes = new Map([...(from === undefined ? [] : changesFrom(from)), ...changesOf(set)]);
  if (changes.size === 0) throw new UsageError('no column was given a value');
  return { word, folder, how: { kind: 'row', changes } };
}

async function planned(invocation: Invocation, open: Reading, { word, folder, how }: Input): Promise<EditPlan> {
  const subject = subjectOf(open, word);
  const choice = { entry: optionalFlag(invocation, 'entry'), again: invocation.flags.again === true };
  const registry = await registryOf(invocation);
  const transports = await transportsOf(open.dataFolder, folder, registry);
  if (how.kind === 'row') return planRowEdit(open, { subject, ...choice, changes: how.changes, registry, transports });
  const old = messageToReplace(subject, choice);
  const given = how.kind === 'file' ? how.bytes : inEditor(bodyOf(open, old).bytes);
  return planMessageEdit(open, { subject, old, given, registry, transports });
}
