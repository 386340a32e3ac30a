import type { Store } from './contracts/store.ts';

/** The same ledger; `failed` hears of every call that it could not answer, whoever asked. The error reaches the caller as ever. */
export function watchStore(store: Store, failed: (error: unknown) => void): Store {
  return new Proxy(store, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const answer: unknown = Reflect.apply(member, target, args);
        if (answer instanceof Promise) answer.catch(failed);
        return answer;
      };
    },
  });
}
