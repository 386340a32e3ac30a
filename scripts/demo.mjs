import { launch } from './launch.mjs';

await launch('scripts/demo/main.ts', { mongo: true });
