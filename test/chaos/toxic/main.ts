/**
 * The toxic proxy as a process of its own, in a container between clients and relays, and between relays. It is told what to do
 * by requests: POST /toxin { from, to, toxin }, POST /reset { from, to }.
 */
import { reverse } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { nameOf } from '../../scenario/faults.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { CONTROL_PORT, clientPort, forwardPort, gossipPort, RELAY_PORT } from '../places.ts';
import type { Toxin } from './flow.ts';
import { plain, ToxicProxy } from './proxy.ts';

interface Order {
  readonly from: string;
  readonly to: string;
  readonly toxin?: Toxin;
}

const scenario = JSON.parse(readFileSync('/run/chaos/scenario.json', 'utf8')) as Scenario;
const relays = Array.from({ length: scenario.relays }, (_, relay) => nameOf({ relay }));

/** The engine's name service knows its containers: `PROJECT-NAME.NETWORK`. Asked each time, as one that starts anew may have another address. */
async function whose(address: string): Promise<string> {
  const [host = ''] = await reverse(plain(address)).catch(() => []);
  return /(relay|bridge|broker)-\d+(?=\.)/.exec(host)?.[0] ?? 'nobody';
}

const proxy = new ToxicProxy(whose);
for (const [relay, name] of relays.entries()) {
  await proxy.listen(clientPort(relay), { name, host: name, port: RELAY_PORT, proxyHeader: true });
  for (const port of [gossipPort(relay), forwardPort(relay)])
    await proxy.listen(port, { name, host: name, port, proxyHeader: false });
}

async function orderOf(request: IncomingMessage): Promise<Order> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text) as Order;
}

createServer((request, response) => {
  void orderOf(request).then(({ from, to, toxin }) => {
    if (toxin) proxy.set(from, to, toxin);
    const cut = toxin ? 0 : proxy.reset(from, to);
    response.end(`${JSON.stringify({ cut })}\n`);
  });
}).listen(CONTROL_PORT, () => console.log('the toxic proxy is up'));
process.once('SIGTERM', () => process.exit());
