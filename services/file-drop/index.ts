import { basename } from 'node:path';
import { defineService } from '../../engine/contracts/service.ts';
import { duplicatesOf } from '../../engine/service-settings.ts';
import { type FileDropConfig, matcherOf, neverMatches, schema } from './config.ts';
import { startFileDrop } from './drop.ts';
import { errors } from './errors.ts';
import { folderProblems } from './folders.ts';

export type { FileDropConfig } from './config.ts';
export { overlappingFolders, type UsedFolder } from './folders.ts';

const description = `
Takes files that are dropped in a folder, by a person, a share or an SFTP server. A file is read only when it is
complete, is safe in the engine before it is moved, and its sender finds beside it what became of it.

**Complete** means, as \`complete\` says:

- \`{ stableFor: 5s }\`: size, time and identity have not changed for that long. A writer that pauses longer than that looks
  finished: where the sender can do better, let it.
- \`{ marker: .done }\`: beside \`a.csv\` stands \`a.csv.done\`. The marker is removed with the file.
- \`renamed\`: the sender writes under a hidden or temporary name (a leading dot, \`.tmp\`, \`.part\`, \`.partial\`,
  \`.filepart\`, \`.crdownload\`, \`.temp\`, \`.swp\`, a trailing \`~\`) and renames the file when it is whole. It is taken
  at once.

Such names are never taken, with any of the three. Links are never followed; folders, pipes and sockets are left alone.
Complete files are taken one at a time, the oldest first.

**What happens to a file.** It is renamed into a folder of its own in \`work/\` and read; if it changed meanwhile, nothing
of it is kept and it waits there to be unchanged again. Once its rows are routed it goes to \`done/\` as
\`<submission>-<name>\`, with \`.rejected.csv\` beside it if rows were rejected, and with \`.report.json\` once every row is
settled. A file that is refused, cancelled or matches no pattern goes to \`failed/\` with \`.reason.json\`. The same content
within \`duplicates.within\` goes to \`done/\` with a report that names the first submission.

**rejected.csv** has the delimiter of the original, UTF-8 with a byte order mark, and the columns \`waybill_id\`,
\`line\`, \`column\`, \`code\`, \`reason\` (and \`entry\`, where a transform refused a row) before the row's own. A field that
a spreadsheet could run as a formula has one \`'\` in front; take exactly that one away when you read the file back.

**Limits.** A writer that keeps a file open without writing for longer than \`stableFor\` cannot be told from one that has
finished: what it appends after the file was read is not taken in; it ends up in \`done/\` with the rest. Nobody but the
engine may put anything in \`work/\`. The folder must be one file system.
`.trim();

export default defineService<FileDropConfig>({
  name: 'file-drop',
  summary: 'Takes files that are dropped in a folder.',
  description,
  schema,
  examples: [
    {
      title: 'Files that a person or a share puts there',
      yaml: `type: file-drop
folder: inbox
complete: { stableFor: 5s }
files:
  - glob: "vax-*.csv"
    format: { type: csv, recordMap: doses }
    route: doses
duplicates: { within: 30d, then: report }
`,
    },
    {
      title: 'A sender that writes a marker when a file is whole',
      yaml: `type: file-drop
folder: /srv/drop/clinic
complete: { marker: .done }
files:
  - glob: "*.csv"
    format: { type: csv, recordMap: doses }
    route: doses
`,
    },
    {
      title: 'A sender that renames a file when it is whole',
      yaml: `type: file-drop
folder: /srv/drop/laboratory
complete: renamed
files:
  - glob: "*.csv"
    format: { type: csv, recordMap: results }
    route: results
pollEvery: 2s
`,
    },
  ],
  errors,

  rules(config) {
    return config.files.map(({ format, route }, index) => ({ rule: { format, route }, path: ['files', index] }));
  },

  match(config, name) {
    const rule = matcherOf(config)(basename(name));
    return rule && { rule, duplicates: duplicatesOf(config) };
  },

  async probe(config, folder) {
    const patterns = config.files.flatMap(({ glob }, index) =>
      neverMatches(glob)
        ? [
            {
              path: ['files', index, 'glob'],
              code: 'GLOB_NEVER_MATCHES',
              found: glob,
              expected: 'a pattern for the bare names of finished files',
              cure: errors.GLOB_NEVER_MATCHES.cure,
            },
          ]
        : [],
    );
    const { complete } = config;
    const stable =
      typeof complete === 'object' && 'stableFor' in complete && complete.stableFor === 0
        ? [
            {
              path: ['complete', 'stableFor'],
              code: 'STABLE_FOR_ZERO',
              found: '0',
              expected: 'some seconds',
              cure: errors.STABLE_FOR_ZERO.cure,
            },
          ]
        : [];
    const folders = (await folderProblems(folder, config.folder)).map(({ code, found, cure }) => ({
      path: ['folder'],
      code,
      found,
      expected: 'a folder of its own that the engine may read, write and enter',
      cure,
    }));
    return [...folders, ...stable, ...patterns];
  },

  start: (context) => startFileDrop(context),
});
