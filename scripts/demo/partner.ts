/** A partner of the sample production: gets a key, uploads a CSV and a PDF in one request, asks what became of them. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { WAYBILL } from '../start/children.ts';
import { StartError } from '../start/errors.ts';

export const PARTNER = 'north-clinic';

/** Adds the partner to a production. @returns its key, which is shown this once */
export function addPartner(config: string): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [WAYBILL, 'partner', 'add', PARTNER, config, '--json'],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new StartError(`waybill partner add failed: ${stderr.trim()}`);
  return (JSON.parse(stdout) as { key: string }).key;
}

/** What the demo reads of a receipt. */
export interface Receipt {
  readonly id: string;
  readonly settled: boolean;
  readonly submissions: readonly {
    readonly id: string;
    readonly part: string;
    readonly name: string;
    readonly state: string;
    readonly rejectedItems: number;
    readonly links?: { readonly rejected?: string };
  }[];
}

export interface Uploaded {
  readonly status: number;
  /** Path of the receipt on the listener. */
  readonly location: string;
}

/** One request with both files and a text field. @throws StartError where it is not accepted */
export async function upload(base: string, key: string, csv: string, pdf: string): Promise<Uploaded> {
  const form = new FormData();
  form.append('chart', 'H20011');
  form.append('vaccinations', new Blob([readFileSync(csv)], { type: 'text/csv' }), basename(csv));
  form.append('consent', new Blob([readFileSync(pdf)], { type: 'application/pdf' }), basename(pdf));
  const answer = await fetch(`${base}/uploads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'idempotency-key': 'demo-1' },
    body: form,
  });
  const text = await answer.text();
  if (answer.status !== 202) throw new StartError(`The upload was answered ${answer.status}: ${text}`);
  return { status: answer.status, location: answer.headers.get('location') ?? '' };
}

/** The receipt as the partner sees it now. @throws StartError where it is not given */
export async function receiptAt(base: string, key: string, { location }: Uploaded): Promise<Receipt> {
  const answer = await fetch(new URL(location, base), { headers: { authorization: `Bearer ${key}` } });
  const text = await answer.text();
  if (answer.status !== 200) throw new StartError(`The receipt was answered ${answer.status}: ${text}`);
  return JSON.parse(text) as Receipt;
}
