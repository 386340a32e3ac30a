import type { FastifyPluginAsync, FastifyRequest } from 'fastify';

/** The HTTP listener that all REST services of a production share (`listen`). It opens after all services have started. */
export interface Listener {
  /**
   * Adds routes; every request to them comes with a partner's credential that was checked before their handler runs, and
   * bodies come unread (`request.raw`). Errors thrown by a handler are answered as `application/problem+json`.
   * Call it while the service starts.
   */
  mount(routes: FastifyPluginAsync): void;
  /** Name of the partner whose credential came with a request to a mounted route. */
  partnerOf(request: FastifyRequest): string;
}

/** Lends the listener to services by their name, since a partner may be limited to some of them. */
export interface Listeners {
  forService(name: string): Listener;
}
