export function allTestFiles(): string[];
export function testFilesFor(args: readonly string[]): string[];
