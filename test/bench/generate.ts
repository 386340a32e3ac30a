import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A small generator of numbers with a fixed seed (mulberry32), so that every run has the same data. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const FAMILY = [
  'Ashdown',
  "O'Quill",
  'Pemberton',
  'Marlowe',
  'Ironwood',
  'Santos-Vale',
  'Juniper',
  'Featherstone',
  'Köhler',
  'Nakagawa',
];
const GIVEN = ['Quin', 'Fern', 'Otis', 'Dario', 'Sami', 'Zoë', 'Mika', 'Alexandra', 'Ravi', 'June'];
const STREETS = ['Harbor View', 'Lighthouse Road', 'Saltwater Avenue', 'Anchor Court', 'Juniper & Main'];
const SEXES = ['Male', 'Female', 'Unknown'];
const VACCINES = ['207', '208', '140', '115', '133'];

export const HEADER = 'mrn,last_name,first_name,birth_date,sex,street,city,state,zip,phone,cvx,given_at,lot,refused';

/** One synthetic vaccination; 64 of 100 rows have a quoted field. */
function row(random: () => number, index: number): string {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? '';
  const digits = (n: number) => String(Math.floor(random() * 10 ** n)).padStart(n, '0');
  const two = (n: number) => String(n).padStart(2, '0');
  const house = `${1 + Math.floor(random() * 999)} ${pick(STREETS)}`;
  const street = random() < 0.64 ? `"${house}, Apartment ${digits(2)}, Building ${digits(1)}"` : house;
  const born = `${1940 + Math.floor(random() * 80)}-${two(1 + Math.floor(random() * 12))}-${two(1 + Math.floor(random() * 28))}`;
  const given = `2024-${two(1 + Math.floor(random() * 12))}-${two(1 + Math.floor(random() * 28))} ${two(8 + Math.floor(random() * 9))}:${two(Math.floor(random() * 60))}`;
  return `M${String(index).padStart(9, '0')},${pick(FAMILY)},${pick(GIVEN)},${born},${pick(SEXES)},${street},Port Larkin,CO,80${digits(3)}-${digits(4)},(303) 555-${digits(4)},${pick(VACCINES)},${given},LX${digits(6)},${random() < 0.02 ? 'Y' : 'N'}`;
}

/** Writes a file of so many rows; the same seed gives the same bytes. @returns its size in bytes. */
export async function writeDoses(path: string, rows: number, seed: number): Promise<number> {
  const random = seeded(seed);
  const file = createWriteStream(path, { highWaterMark: 1 << 20 });
  file.write(`${HEADER}\n`);
  let lines: string[] = [];
  for (let index = 1; index <= rows; index += 1) {
    lines.push(row(random, index));
    if (lines.length < 2000 && index < rows) continue;
    if (!file.write(`${lines.join('\n')}\n`)) await once(file, 'drain');
    lines = [];
  }
  file.end();
  await finished(file);
  return file.bytesWritten;
}
