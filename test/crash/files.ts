/** Files that come in while the plug is pulled, and what must become of each of their rows. */
import iconv from 'iconv-lite';

export interface ExpectedRow {
  /** Line on which the row begins; the header is line 1. */
  readonly line: number;
  readonly chart: string;
  readonly family: string;
  readonly note: string;
  /** False where the ledger must say *invalid*. */
  readonly valid: boolean;
}

export interface TestFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly rows: readonly ExpectedRow[];
}

type Charset = 'utf8' | 'utf16' | 'cp1252';

const FAMILIES: Readonly<Record<Charset, readonly string[]>> = {
  utf8: ['Ångström', 'Ωmega', 'Łukasz', 'Smith & Wexford|Hale'],
  utf16: ['Þórsdóttir', '日本', 'Ünal', 'O^Quill~\\'],
  cp1252: ['Núñez', 'Müller', 'Œuvre', 'Preis €'],
};
const ENCODING: Readonly<Record<Charset, string>> = { utf8: 'utf8', utf16: 'utf-16le', cp1252: 'windows-1252' };
/** A block of the router: keys that repeat lie in blocks before and after one commit. */
const BLOCK = 1000;

/** Makes files whose rows are all different, for one data folder. */
export class FileMaker {
  #lastChart = 0;
  #lastFile = 0;

  /** One file of each charset; the first is longer than a block and repeats keys of its first block after it. */
  three(rows = 60): TestFile[] {
    return [this.make('utf8', BLOCK + 80, true), this.make('utf16', rows), this.make('cp1252', rows)];
  }

  /** `repeats`: some rows after the first block have keys of rows before it. */
  make(charset: Charset, rows: number, repeats = false): TestFile {
    this.#lastFile += 1;
    const expected: ExpectedRow[] = [];
    const seen = new Set<string>();
    let text = 'chart,family,note,vaccine\r\n';
    let line = 2;
    for (let index = 0; index < rows; index += 1) {
      const again = repeats && index > BLOCK && index % 7 === 0;
      const chart = again ? (expected[index - BLOCK]?.chart ?? '') : this.#nextChart();
      const family = `${FAMILIES[charset][index % 4]} ${index}`;
      const note = index % 10 === 3 ? 'two\r\nlines' : index % 10 === 6 ? 'a "quoted" word' : '';
      const badVaccine = index % 50 === 17;
      const valid = !badVaccine && !seen.has(chart);
      expected.push({ line, chart, family, note, valid });
      if (!badVaccine) seen.add(chart);
      text += `${chart},${family},${note === '' ? '' : `"${note.replaceAll('"', '""')}"`},${badVaccine ? 'none' : 100 + (index % 50)}\r\n`;
      line += note.includes('\n') ? 2 : 1;
    }
    const bytes = iconv.encode(text, ENCODING[charset], { addBOM: charset === 'utf16' && this.#lastFile % 2 === 0 });
    return { name: `${charset}-${String(this.#lastFile).padStart(4, '0')}.csv`, bytes, rows: expected };
  }

  #nextChart(): string {
    this.#lastChart += 1;
    return `C${String(this.#lastChart).padStart(7, '0')}`;
  }
}
