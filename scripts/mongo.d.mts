export const PYTHON_PACKAGE: string;

/** A server that answers already, or a program that starts one. */
export type Mongo =
  | { readonly kind: 'url'; readonly url: string }
  | {
      readonly kind: 'mongod' | 'secantusdb';
      readonly command: string;
      readonly args: (at: { readonly port: number; readonly folder: string }) => string[];
    };

export function findMongo(): Mongo | undefined;
export function installMongo(say: (line: string) => void): string | undefined;
export function canInstallMongo(): boolean;
export function ensureMongo(say?: (line: string) => void): Mongo;
