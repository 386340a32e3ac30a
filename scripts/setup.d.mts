export class SetupError extends Error {}
export function setUp(options?: { tests?: boolean; mongo?: boolean }): { node: string; environment: NodeJS.ProcessEnv };
export function main(work: () => Promise<unknown> | unknown): Promise<void>;
