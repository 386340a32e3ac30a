/**
 * Ends with 0 where the engine of the data folder takes inputs in, else with 1 and the reason. Asks the socket in the data
 * folder, so it needs no port and no credential. Without dependencies: the image's HEALTHCHECK runs it every half minute.
 */
import { get } from 'node:http';
import { join, resolve } from 'node:path';

const socketPath = join(resolve(process.env.WAYBILL_DATA ?? 'data'), 'control.sock');
const ANSWER_WITHIN_MS = 5_000;

const request = get({ socketPath, path: '/health/ready', timeout: ANSWER_WITHIN_MS }, (response) => {
  let text = '';
  response.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  response.on('end', () => end(response.statusCode === 200, text.trim()));
});
request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)));
request.on('error', (error) => end(false, `the engine does not answer: ${error.message}`));

/** @param {boolean} well @param {string} words */
function end(well, words) {
  process.stdout.write(`${words}\n`);
  process.exitCode = well ? 0 : 1;
}
