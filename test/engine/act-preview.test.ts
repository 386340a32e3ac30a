import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AskLedger, type Looking, previewAct, selected } from '../../engine/act-preview.ts';
import type { MessageFilter, SelectedMessage, SelectionCursor } from '../../engine/contracts/acting.ts';

type Item = NonNullable<MessageFilter['items']>[number];

const message = ({ submission, item }: Item): SelectedMessage => ({
  message: submission * 1000 + item,
  submission,
  item,
  entry: 0,
  entryName: 'registry',
  destination: 'registry',
  version: 1,
  state: 'rejected',
  batch: undefined,
  code: 'AE',
  at: 1,
  kept: true,
});

/** A ledger in which these items have the value that is looked for, each with one rejected message. */
function lookingAt(found: readonly Item[]) {
  const asked: { readonly items: readonly Item[]; readonly after: SelectionCursor | undefined }[] = [];
  const answers: Record<string, (request: never) => unknown> = {
    search: ({ after, limit }: { after?: Item; limit: number }) => {
      const at = after
        ? found.findIndex((each) => each.submission === after.submission && each.item === after.item)
        : -1;
      return found.slice(at + 1, at + 1 + limit);
    },
    selectMessages: ({ filter, after }: { filter: MessageFilter; after: SelectionCursor | undefined }) => {
      const items = filter.items ?? [];
      asked.push({ items, after });
      return {
        messages: items.filter((each) => each.submission >= (after?.submission ?? 0)).map(message),
        next: undefined,
      };
    },
  };
  const ask: AskLedger = async (question, request) => {
    const answer = answers[question] ?? assert.fail(`${question} is not asked`);
    return answer(request as never) as never;
  };
  const looking: Looking = { ask, facts: { instance: '7kq2', digestKey: new Uint8Array(32) }, now: () => 1 };
  return { looking, asked };
}

test('however many items have a value, the ledger is asked about some at a time, and each message counts once', async () => {
  const found = Array.from({ length: 2500 }, (_, n) => ({ submission: 1 + Math.floor(n / 3), item: 1 + (n % 3) }));
  const { looking, asked } = lookingAt(found);
  const { count, submissionCount } = await previewAct(looking, { verb: 'resend', where: 'field.clinic=north' });
  assert.deepEqual([count, submissionCount], [2500, 834]);
  assert.deepEqual(
    asked.map(({ items }) => items.length),
    [1000, 1000, 500],
  );
});

test('a list of items goes on where it ended, in whichever part that is', async () => {
  const found = Array.from({ length: 1500 }, (_, n) => ({ submission: n + 1, item: 1 }));
  const { looking, asked } = lookingAt(found);
  const seen: number[] = [];
  for await (const { message: each, cursor } of selected(looking, 'field.clinic=north', {
    submission: 1200,
    bodyBlock: 7,
  })) {
    seen.push(each.submission);
    assert.deepEqual(cursor, { submission: 1200, bodyBlock: 7 });
  }
  assert.deepEqual([seen.length, seen[0], seen.at(-1)], [301, 1200, 1500]);
  assert.equal(asked.length, 2);
});

test('a message that is named twice counts once', async () => {
  const { looking } = lookingAt([]);
  const where = 'message=7kq2-15-3,7kq2-15-3,7kq2-15-2';
  const { count } = await previewAct(looking, { verb: 'resend', where });
  assert.equal(count, 2);
});
