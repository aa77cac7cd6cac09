/** The clients of a run: the product's own, as far as they are no sockets. */
import { SimBridge } from './bridge.ts';
import { SimBroker } from './broker.ts';
import type { Clients } from './client.ts';

export const CLIENTS: Clients = {
  bridge: (options) => new SimBridge(options),
  broker: (options) => new SimBroker(options),
};
