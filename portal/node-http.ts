/**
 * Node's HTTP modules without what nobody here uses of them: an `import` of `node:http` reads every name it exports, and
 * reading `WebSocket` loads Node's own copy of undici (13 MB and 0.07 s in each thread).
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
