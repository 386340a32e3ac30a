import { defineService } from '../../engine/contracts/service.ts';
import { duplicatesOf } from '../../engine/service-settings.ts';
import { type RestMultipartConfig, schema } from './config.ts';
import { errors } from './errors.ts';
import { uploadProblems } from './probe.ts';
import { ruleForName } from './rules.ts';
import { startUploads } from './serve.ts';

export type { RestMultipartConfig } from './config.ts';

const description = `
Takes files that partners upload with a \`POST\`: \`multipart/form-data\` with any number of files, or one file as a plain
body. One upload is one receipt, with a submission for each file. It is answered with \`202\` only when all of it is safe;
until then nobody sees anything of it, and an upload that is cut off, too slow, too large or not sound leaves nothing.

**Files and fields.** A part with a file name is a file, a part without one is a text field: fields are metadata of every
submission of the upload, wherever in the form they stand. Names, types and charsets are kept as they are sent; of a file
name only the last part of a path, without control characters. \`Content-Transfer-Encoding\` (base64, quoted-printable) is
undone. A file input in which nothing was chosen (empty name, no content) counts as no file.

**Rules.** Every file is held against \`parts\`, from top to bottom: all that a rule says of \`name\`, \`contentType\` and
\`fileName\` must fit, and the first rule that fits counts. A file that fits none refuses the whole upload by the part's name
(422). \`maxBytes\` of a rule limits each of its files.

**Plain bodies.** A body of a type that some rule names by \`contentType\` is the same as a form with one file;
\`text/csv\` fits rules without a \`contentType\` as well. The file name comes from \`?name=\` or \`Content-Disposition\`, the
part's name from \`?part=\`; where no \`?part=\` is given, every \`name\` fits.

**Again.** The same files (names, types, bytes, order) of the same partner within \`duplicates.within\` get \`200\` and the
first receipt with \`duplicate: true\`. A sender that gives each upload an \`Idempotency-Key\` may repeat it whenever it
missed the answer: the same key gives the first receipt, however old; with other content it is refused (422), and while the
first upload is still coming in, too (409).

**Limits.** Bytes, parts, fields, headers, names, time and the number of uploads at once are limited. Compressed and nested
bodies are refused. A body that could be read in two ways (a line that begins with the boundary and goes on, a header that
stands twice, a part without a name) is refused with the reason, never guessed at.
`.trim();

export default defineService<RestMultipartConfig>({
  name: 'rest-multipart',
  summary: 'Takes files that partners upload over HTTP.',
  description,
  schema,
  examples: [
    {
      title: 'A form with a CSV file and a PDF',
      yaml: `type: rest-multipart
path: /uploads
maxBytes: 500MB
parts:
  - name: doses
    format: { type: csv, recordMap: doses }
    route: doses
  - name: consent
    contentType: application/pdf
    maxBytes: 15MB
    format: { type: raw }
    route: documents
duplicates: { within: 30d, then: report }
`,
    },
    {
      title: 'HL7 files as plain bodies',
      yaml: `type: rest-multipart
path: /laboratory/results
maxBytes: 50MB
parts:
  - contentType: application/hl7-v2
    fileName: "*.hl7"
    format: { type: hl7-batch }
    route: results
timeouts: { idle: 10s, total: 10m }
maxConcurrent: 20
`,
    },
  ],
  errors,
  listens: true,

  rules(config) {
    return config.parts.map(({ format, route }, index) => ({ rule: { format, route }, path: ['parts', index] }));
  },

  match(config, name) {
    const rule = ruleForName(config, name);
    return rule && { rule, duplicates: duplicatesOf(config) };
  },

  probe: async (config) => uploadProblems(config),

  start: (context) => startUploads(context),
});
