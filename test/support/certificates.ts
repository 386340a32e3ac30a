/** Certificates of a private authority, made by openssl while a test runs. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes files in one folder: NAME.pem with its key in NAME.key, for two days. */
export class Certificates {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A certificate that signs itself, and others. */
  authority(name: string): void {
    this.#openssl('req', '-x509', ...newKey(name), '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`);
  }

  /** A certificate signed by `ca`, with extensions as openssl writes them (`subjectAltName=...`). */
  issue(name: string, ca: string, extensions: string): void {
    writeFileSync(join(this.#folder, `${name}.ext`), extensions);
    this.#openssl('req', ...newKey(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signer = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial'];
    const files = ['-in', `${name}.csr`, '-extfile', `${name}.ext`, '-out', `${name}.pem`];
    this.#openssl('x509', '-req', ...signer, ...files, '-days', '2');
  }

  /** Path of a file, such as `server.key`. */
  path(file: string): string {
    return join(this.#folder, file);
  }

  /** Text of a file. */
  pem(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  #openssl(...args: string[]): void {
    const { status, stderr } = spawnSync('openssl', args, { cwd: this.#folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
  }
}

function newKey(name: string): readonly string[] {
  return ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
}
