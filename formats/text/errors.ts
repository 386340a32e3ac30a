import { defineErrors } from '../../engine/errors.ts';

/** Codes of text that cannot be read, the same in every format of text. */
export const TEXT_ERRORS = defineErrors({
  UNDECODABLE: {
    means: 'A byte does not belong to the charset in which the file is read.',
    cure: 'Set `charset` to what the sender writes (often windows-1252), or ask for UTF-8.',
  },
  NOT_TEXT: {
    means: 'The file is no text at all, whatever its name says: a workbook, an archive, a PDF or an image.',
    cure: 'Ask the sender for the file as text: export the sheet as CSV, or unpack the archive, before it is sent.',
  },
  NUL_BYTE: {
    means: 'The file holds a NUL character: it is damaged, or UTF-16 without a byte order mark.',
    cure: 'Set `charset: utf-16le` if it is UTF-16; otherwise ask the sender for the file again.',
  },
});
