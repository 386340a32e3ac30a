/** What a destination may say otherwise, over every line that there is: no lie, no double, no burnt queue. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { outcomeParts } from '../../cli/outcome-table.ts';
import type { OutcomeAction, OutcomeOverride } from '../../engine/contracts/production.ts';
import { destinationOutcomes } from '../../engine/engine-outcomes.ts';
import { type OverrideFacts, overrideProblem } from '../../engine/outcome-overrides.ts';
import { loadAdapters } from '../../engine/registry.ts';
import mongodb from '../../operations/mongodb/index.ts';
import soap from '../../operations/soap/index.ts';

const ACTIONS: readonly OutcomeAction[] = ['retry', 'stop', 'fail', 'inDoubt', 'split'];
// A computed key: an object with a literal `then` is taken for a promise by the linter.
const THEN = 'then';

const SOAP: OverrideFacts = { outcomes: destinationOutcomes(soap), repeatable: false, mode: 'auto' };

function problem(code: string, then: OutcomeAction, over: Partial<OverrideFacts> = {}): string | undefined {
  const override: OutcomeOverride = { [THEN]: then };
  return overrideProblem(code, override, { ...SOAP, ...over });
}

describe('an override', () => {
  test('is taken where it tells no lie', () => {
    assert.equal(problem('SOAP_HTTP_NOT_FOUND', 'retry'), undefined);
    assert.equal(problem('SOAP_FAULT_SENDER', 'split'), undefined);
    assert.equal(problem('SOAP_FAULT_SENDER', 'fail'), undefined);
    assert.equal(problem('SOAP_HTTP_BUSY', 'inDoubt'), undefined);
    assert.equal(problem('SOAP_HTTP_ERROR', 'retry', { repeatable: true }), undefined);
    assert.equal(problem('ANSWER_NOT_UNDERSTOOD', 'retry', { repeatable: true }), undefined);
  });

  test('of a code that the destination cannot meet is refused', () => {
    assert.match(problem('SOAP_HTP_ERROR', 'retry') ?? '', /has no SOAP_HTP_ERROR/);
    assert.match(problem('MONGODB_BUSY', 'stop') ?? '', /has no MONGODB_BUSY/);
    assert.match(problem('constructor', 'stop') ?? '', /has no constructor/);
    assert.equal(problem('MONGODB_BUSY', 'stop', { outcomes: destinationOutcomes(mongodb) }), undefined);
  });

  test('may not send again what may have arrived, nor call it failed', () => {
    for (const then of ['retry', 'stop', 'split'] as const) {
      assert.match(problem('SOAP_ANSWER_TIMEOUT', then) ?? '', /could double them/);
      assert.equal(problem('SOAP_ANSWER_TIMEOUT', then, { repeatable: true }), undefined);
    }
    assert.match(problem('SOAP_ANSWER_TIMEOUT', 'fail', { repeatable: true }) ?? '', /must not be called failed/);
  });

  test('may not burn the queue for what every message would meet', () => {
    for (const code of ['SOAP_CONNECT_FAILED', 'SOAP_CLIENT_CERTIFICATE', 'BATCH_NOT_WRITTEN']) {
      assert.match(problem(code, 'fail') ?? '', /for every message alike/);
      assert.match(problem(code, 'split') ?? '', /smaller batch does not help/);
    }
  });

  test('may split only where batches are automatic', () => {
    for (const mode of ['batch', 'single'] as const) {
      assert.match(problem('SOAP_FAULT_SENDER', 'split', { mode }) ?? '', new RegExp(`has ${mode}$`));
      assert.match(problem('SOAP_HTTP_ERROR', 'split', { mode, repeatable: true }) ?? '', new RegExp(`has ${mode}$`));
    }
  });
});

test('of all lines: no verdict and no fixed line is overridden, and nothing uncertain is sent again unasked', async () => {
  const parts = await outcomeParts(await loadAdapters());
  const outcomes = Object.fromEntries(parts.flatMap(({ lines }) => lines.map((line) => [line.code, line])));
  const lines = Object.values(outcomes);
  assert.ok(lines.length > 60);
  for (const { code, outcome, fixed } of lines) {
    for (const then of ACTIONS) {
      const found = problem(code, then, { outcomes });
      if (fixed !== undefined) assert.ok(found?.includes(fixed), `${code} ${then}`);
      else if (outcome === 'delivered' || outcome === 'rejected')
        assert.match(found ?? '', /verdict/, `${code} ${then}`);
      else if (outcome === 'inDoubt') assert.equal(found === undefined, then === 'inDoubt', `${code} ${then}`);
    }
  }
});
