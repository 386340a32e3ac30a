import type { AlertCondition } from '../engine/contracts/alerts.ts';
import { counted, size, span } from './words.ts';

/** What a rule waits for, in a few words: `a destination stopped for 5 min`. */
export function conditionWords(when: AlertCondition): string {
  switch (when.kind) {
    case 'stopped':
      return `${destinationWords(when.destinations)} stopped${lasting(when.for)}`;
    case 'oldestMessage':
      return `a message for ${destinationWords(when.destinations)} under way for more than ${span(when.olderThan)}`;
    case 'inDoubt':
      return `${counted(when.messages, 'message')} or more for ${destinationWords(when.destinations)} in doubt${lasting(when.for)}`;
    case 'rejectedRows':
      return `more than ${when.overPercent} % of the rows of a submission${ofServices(when.services)} rejected, of at least ${when.minRows}`;
    case 'disk':
      return `less than ${'bytes' in when.below ? size(when.below.bytes) : `${when.below.percent} %`} left on the disk of the data folder`;
    case 'certificate':
      return `a certificate that ends within ${span(when.endsWithin)}`;
    case 'event':
      return `${when.name}, ${when.times === 1 ? 'once' : counted(when.times, 'time')} in ${span(when.within)}`;
    case 'redisAway':
      return `Redis away${lasting(when.for)}`;
    case 'cannotStore':
      return `nothing can be stored${lasting(when.for)}`;
  }
}

function destinationWords(destinations: readonly string[]): string {
  return destinations.length === 0 ? 'a destination' : destinations.join(' or ');
}

function ofServices(services: readonly string[]): string {
  return services.length === 0 ? '' : ` of ${services.join(' or ')}`;
}

function lasting(ms: number): string {
  return ms === 0 ? '' : ` for ${span(ms)}`;
}
