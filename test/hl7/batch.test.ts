import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Envelope, EnvelopeCounts, printEnvelope, trailerCount } from '../../hl7/batch.ts';

const ENVELOPE: Envelope = {
  kind: 'file',
  sendingApplication: 'APP',
  sendingFacility: 'FAC^1^NPI',
  receivingApplication: '',
  receivingFacility: 'STATE',
  time: '20240117123000-0700',
  controlId: 'b1',
  reference: 'b0',
  messages: 3,
};

test('an envelope has its fields in their places', () => {
  assert.deepEqual(printEnvelope(ENVELOPE), {
    before:
      'FHS|^~\\&|APP|FAC^1^NPI||STATE|20240117123000-0700||||b1\r' +
      'BHS|^~\\&|APP|FAC^1^NPI||STATE|20240117123000-0700||||b1|b0\r',
    after: 'BTS|3\rFTS|1\r',
  });
  assert.deepEqual(printEnvelope({ ...ENVELOPE, kind: 'batch', controlId: '', reference: '' }), {
    before: 'BHS|^~\\&|APP|FAC^1^NPI||STATE|20240117123000-0700\r',
    after: 'BTS|3\r',
  });
  assert.deepEqual(printEnvelope({ ...ENVELOPE, kind: 'none' }), { before: '', after: '' });
});

function countsOf(text: string): EnvelopeCounts {
  const counts = new EnvelopeCounts();
  for (const line of text.split(' ')) {
    const segment = line.slice(0, 3);
    if (segment === 'MSH') counts.message();
    else counts.envelope(segment as 'FHS', trailerCount(line));
  }
  counts.end();
  return counts;
}

test('claims that hold raise nothing', () => {
  for (const text of [
    'FHS BHS MSH MSH BTS|2 FTS|1',
    'FHS BHS MSH BTS|1| BHS BTS|0 FTS|2|',
    'BHS BTS|0',
    'BHS MSH MSH BTS',
    'MSH MSH',
    'MSH MSH BTS|2',
    'FHS MSH FTS|1',
    'FHS BHS MSH BTS| FTS|',
  ]) {
    assert.deepEqual(countsOf(text).problems, [], text);
  }
});

test('claims that do not hold are sentences', () => {
  assert.deepEqual(countsOf('FHS BHS MSH MSH BTS|3 FTS|2').problems, [
    'BTS-1 says 3, messages in the batch: 2',
    'FTS-1 says 2, batches in the file: 1',
  ]);
  assert.deepEqual(countsOf('BHS MSH BTS|1 BHS MSH BTS|2').problems, ['BTS-1 says 2, messages in the batch: 1']);
  assert.deepEqual(countsOf('BHS MSH BTS|x').problems, [
    'BTS-1 says something that is no number, messages in the batch: 1',
  ]);
  assert.deepEqual(countsOf('BTS|1').problems, ['BTS-1 says 1, messages in the batch: 0']);
});

test('totals and batches without a trailer are counted', () => {
  const counts = countsOf('FHS BHS MSH MSH BHS MSH BTS|1 FTS|2');
  assert.deepEqual([counts.messages, counts.batches, counts.openEnded], [3, 2, 1]);
  assert.deepEqual(counts.problems, []);
});
