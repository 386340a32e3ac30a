import { describe } from 'node:test';
import { deliveryConformance } from './conformance-deliveries.ts';
import { doubtConformance } from './conformance-doubts.ts';
import { laneConformance } from './conformance-lanes.ts';
import { submissionConformance } from './conformance-submissions.ts';
import { uploadConformance } from './conformance-uploads.ts';
import type { OpenStore } from './support.ts';

/** What any back end of the store must pass, whatever it keeps the ledger in. */
export function storeConformance(backEnd: string, open: OpenStore): void {
  describe(`store of ${backEnd}`, () => {
    describe('submissions', () => submissionConformance(open));
    describe('uploads and decisions', () => uploadConformance(open));
    describe('lanes', () => laneConformance(open));
    describe('deliveries', () => deliveryConformance(open));
    describe('doubts', () => doubtConformance(open));
  });
}
