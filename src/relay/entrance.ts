/** Judges HELLO with all that is known of a client: its certificates, how it came in, and what it holds already. */
import type { Clock } from '../base/clock.ts';
import type { Hello } from '../wire/frames.ts';
import { type Admission, type AdmissionPolicy, admit } from './admission.ts';
import { Caps } from './caps.ts';
import type { Connection } from './connection.ts';
import type { ConnectionId } from './lot.ts';

export interface EntranceOptions {
  /** Asked at every HELLO, so that a changed allow file takes effect at once. */
  readonly policy: () => AdmissionPolicy;
  readonly clock: Clock;
}

export class Entrance {
  readonly #options: EntranceOptions;
  readonly #caps = new Caps();

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  /** Once for each connection. What it counts is given back when the link closes, spliced or not. */
  judge({ id, link, entry }: Connection, hello: Hello): Admission {
    const policy = this.#options.policy();
    const verdict = admit(hello, link.peerChain, policy, this.#options.clock.wall());
    if (!verdict.admitted) return verdict;
    const { infoHash, proven } = verdict;
    // Who got past an allow file stands in it.
    const listed = policy.allowed !== undefined;
    if (proven) {
      link.stream.once('close', entry.proved());
      // The rate limit is against the unauthenticated; anybody can make a CA, so its operator has to know this one.
      if (listed) entry.exempt();
    }
    const { role } = hello;
    const refusal = this.#caps.enter({ connection: id, source: link.source, infoHash, role, listed });
    if (refusal) return { admitted: false, ...refusal };
    if (!listed) link.stream.once('close', () => this.#caps.left(id));
    return verdict;
  }

  /** A connection is in the lot no longer. Unknown ones are fine. */
  unparked(id: ConnectionId): void {
    this.#caps.unparked(id);
  }
}
