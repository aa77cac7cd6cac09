/** Requests to read the files again, of which any number may come at any time: one is carried out, then one more for the rest. */
import type { ServiceManager } from './service-manager.ts';

export class ReloadRequests {
  readonly #reload: () => Promise<void>;
  readonly #service: Pick<ServiceManager, 'reloading' | 'ready' | 'sent'>;
  #running = false;
  #again = false;

  /** @param reload never rejects. */
  constructor(reload: () => Promise<void>, service: Pick<ServiceManager, 'reloading' | 'ready' | 'sent'>) {
    this.#reload = reload;
    this.#service = service;
  }

  /** Takes note of a request; the first one begins at once. */
  add(): void {
    this.#again = true;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      this.#service.reloading();
      await this.#reload();
      this.#service.ready();
      await this.#service.sent;
    }
    this.#running = false;
  }
}
