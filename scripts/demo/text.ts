/** Plain text for people: a heading, a table; bold only on a terminal that can show it. */

const BOLD = process.stdout.isTTY === true && !process.env.NO_COLOR;

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function heading(text: string): void {
  say();
  say(BOLD ? `\x1b[1m${text}\x1b[0m` : text);
  say();
}

/**
 * Lines of a table with aligned columns, indented by two blanks. Cells of numbers stand right.
 * @param rows the first is the header
 */
export function table(rows: readonly (readonly (string | number)[])[]): readonly string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const width = (column: number) => Math.max(...rows.map((row) => String(row[column] ?? '').length));
  const widths = Array.from({ length: columns }, (_, column) => width(column));
  const right = widths.map((_, column) => rows.slice(1).every((row) => typeof row[column] === 'number'));
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const text = String(cell);
      return right[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
}
