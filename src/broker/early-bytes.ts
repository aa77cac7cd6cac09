/**
 * What a client sends before a stream of its own is accepted: passed to the stream at once, so that no round trip is
 * lost, and kept, so that another stream can have it when the bridge never saw the first one.
 */
import { CLIENT_EARLY_BYTES } from '../base/limits.ts';
import type { Link } from '../net/link.ts';

export class EarlyBytes {
  readonly client: Link;
  readonly #onGone: () => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #to: Link | undefined;

  /** Reads from `client`. @param onGone called when the client has gone before {@link release}. */
  constructor(client: Link, onGone: () => void) {
    this.client = client;
    this.#onGone = onGone;
    client.stream.on('data', this.#onData).once('close', this.#onClose).resume();
  }

  /** Writes to `link` what came so far, and then what comes. */
  passTo(link: Link): void {
    this.#to = link;
    for (const chunk of this.#chunks) link.stream.write(chunk);
  }

  /** The link is accepted. Nothing is read any more; what was is with the link, except for the client's end. */
  release(): void {
    this.client.stream.pause().off('data', this.#onData).off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#to?.stream.write(chunk);
    if (this.#bytes >= CLIENT_EARLY_BYTES) this.client.stream.pause();
  };

  readonly #onClose = (): void => {
    this.#to?.reset();
    this.#onGone();
  };
}
