import { resolve } from 'node:path';

/** A program with a slash begins in the folder of the production; one without is looked for on the PATH. */
export function programPath(program: string, folder: string): string {
  return program.includes('/') ? resolve(folder, program) : program;
}
