/** The packages that a running engine uses, imported and nothing else, and a server that listens. */
import fastify from 'fastify';
import 'bullmq';
import 'busboy';
import 'csv-parse';
import 'ioredis';
import 'mongodb';
import 'pino';
import 'prom-client';
import 'typebox';
import 'undici';
import 'yaml';

await fastify().listen({ host: '127.0.0.1', port: 0 });
console.log('listening');
process.once('SIGTERM', () => process.exit(0));
