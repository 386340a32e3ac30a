import { createHash } from 'node:crypto';
import type { ReceiptView, Upload, Uploaded, UploadFacts, UploadPart } from '../../engine/contracts/service.ts';

export interface FakePart {
  readonly part: string;
  readonly name: string;
  readonly contentType: string;
  readonly route: string;
  readonly format: string;
  readonly bytes: number;
  readonly hash: string;
  /** Content, where it is kept. */
  readonly body: Buffer;
}

export interface FakeReceipt {
  readonly view: ReceiptView;
  readonly facts: UploadFacts;
  readonly parts: readonly FakePart[];
}

/** Uploads as a service sees them, in memory: what the contract promises, with places where a test may break in. */
export class FakeUploads {
  readonly receipts = new Map<string, FakeReceipt>();
  /** Uploads begun and neither committed nor discarded. */
  open = 0;
  mostOpen = 0;
  discarded = 0;
  /** Bytes of parts that were handed over, whatever became of them. */
  bytesSeen = 0;
  largestChunk = 0;
  /** False where contents are only counted and hashed. */
  keepBodies = true;
  /** Called before each chunk of a part is taken; to be slow, or to fail. */
  beforeChunk: ((part: UploadPart) => Promise<void> | void) | undefined;
  /** Called before a commit; to be slow, or to fail. */
  beforeCommit: ((facts: UploadFacts) => Promise<void> | void) | undefined;
  readonly #service: string;

  constructor(service: string) {
    this.#service = service;
  }

  /** The only receipt; fails where there are more or none. */
  only(): FakeReceipt {
    const [one, ...others] = this.receipts.values();
    if (one === undefined || others.length > 0) throw new Error(`expected one receipt, found ${this.receipts.size}`);
    return one;
  }

  begin(): Upload {
    const parts: FakePart[] = [];
    let ended = false;
    const end = () => {
      if (!ended) this.open--;
      ended = true;
    };
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    return {
      part: async (part) => {
        if (ended) throw new Error('a part after the end of its upload');
        parts.push(await this.#keep(part));
      },
      commit: async (facts) => {
        if (ended) throw new Error('a commit after the end of its upload');
        await this.beforeCommit?.(facts);
        end();
        return this.#commit(facts, parts);
      },
      discard: async () => {
        if (!ended) this.discarded++;
        end();
      },
    };
  }

  async #keep(part: UploadPart): Promise<FakePart> {
    const chunks: Uint8Array[] = [];
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of part.body) {
      await this.beforeChunk?.(part);
      if (this.keepBodies) chunks.push(chunk);
      hash.update(chunk);
      bytes += chunk.length;
      this.bytesSeen += chunk.length;
      this.largestChunk = Math.max(this.largestChunk, chunk.length);
    }
    const { name, contentType, rule } = part;
    return {
      part: part.part,
      name,
      contentType,
      route: rule.route,
      format: rule.format.type,
      bytes,
      hash: hash.digest('hex'),
      body: Buffer.concat(chunks),
    };
  }

  #commit(facts: UploadFacts, parts: readonly FakePart[]): Uploaded {
    const content = (list: readonly FakePart[]) =>
      JSON.stringify(list.map(({ part, name, contentType, bytes, hash }) => [part, name, contentType, bytes, hash]));
    const ours = [...this.receipts.values()].filter(({ facts: { partner } }) => partner === facts.partner);
    const byKey = facts.key === undefined ? undefined : ours.find(({ facts: { key } }) => key === facts.key);
    if (byKey) {
      const kind = content(byKey.parts) === content(parts) ? 'duplicate' : 'keyTaken';
      return { kind, receipt: byKey.view.id };
    }
    const now = Date.now();
    const same = ours.find(
      (receipt) => receipt.view.acceptedAt > now - facts.duplicates.within && content(receipt.parts) === content(parts),
    );
    if (same && facts.duplicates.then === 'report') return { kind: 'duplicate', receipt: same.view.id };
    const number = this.receipts.size + 1;
    const id = `7kq2-R${number}`;
    const submissions = parts.map(({ part, name, contentType, bytes, hash }, index) => ({
      id: `7kq2-${number * 1000 + index}`,
      service: this.#service,
      state: 'accepted' as const,
      acceptedAt: now,
      settled: false,
      rejectedItems: 0,
      part,
      name,
      contentType,
      bytes,
      hash,
    }));
    const { partner, fields } = facts;
    const view = { id, service: this.#service, partner, acceptedAt: now, fields, submissions };
    this.receipts.set(id, { view, facts, parts });
    return { kind: 'stored', receipt: id };
  }
}
