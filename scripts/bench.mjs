import { launch } from './launch.mjs';

await launch('test/bench/main.ts');
