export const PROJECT: string;
export const NODE_FLAGS: readonly string[];
export const COMPILE_CACHE: string;
export const NODE_MISSING: string;
export function findNode24(): string | undefined;
