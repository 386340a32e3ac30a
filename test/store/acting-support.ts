/** What tests of acts ask of a store: selections, acts from their decision to their end. */
import assert from 'node:assert/strict';
import type { ActQuestion } from '../../engine/act-preview.ts';
import { Acting, type ActRequest } from '../../engine/acting.ts';
import type { ActRow, MessageFilter, SelectedMessage } from '../../engine/contracts/acting.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { audit } from './support.ts';

/** Every message that fits, page by page. */
export async function selectAll(store: Store, filter: MessageFilter): Promise<SelectedMessage[]> {
  const found: SelectedMessage[] = [];
  let after: { submission: number; bodyBlock: number } | undefined;
  do {
    const page = await store.ask({ question: 'selectMessages', with: { filter, after } });
    found.push(...page.messages);
    after = page.next;
  } while (after);
  return found;
}

export async function actingOn(store: Store, now = 9000, knows?: (destination: string) => boolean): Promise<Acting> {
  const facts = await store.facts();
  return new Acting({
    store,
    facts,
    clock: { now: () => now },
    changed: async () => undefined,
    ...(knows ? { knows } : {}),
  });
}

/** Decides, does it whole, and holds the ledger against its law. */
export async function act(store: Store, question: ActQuestion, over: Partial<ActRequest> = {}): Promise<ActRow> {
  const acting = await actingOn(store);
  const begun = await acting.begin({ ...question, who: 'ana', reason: 'a test', confirm: 'any', ...over });
  await acting.finish();
  await audit(store);
  const done = await acting.act(begun.act);
  assert.equal(done.state, 'done');
  return done;
}
