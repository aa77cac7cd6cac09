/**
 * The toxic proxy as a process of its own, in a container between clients and relays, and between relays. It is told what to do
 * by requests: POST /toxin { from, to, toxin }, POST /reset { from, to }.
 */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { nameOf } from '../../scenario/faults.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { clientPort, forwardPort, gossipPort, RELAY_PORT } from '../places.ts';
import type { Toxin } from './flow.ts';
import { plain, ToxicProxy } from './proxy.ts';

interface Order {
  readonly from: string;
  readonly to: string;
  readonly toxin?: Toxin;
}

const scenario = JSON.parse(readFileSync('/run/chaos/scenario.json', 'utf8')) as Scenario;
const relays = Array.from({ length: scenario.relays }, (_, relay) => nameOf({ relay }));
const names = [
  ...relays,
  ...scenario.bridges.map((_, bridge) => nameOf({ bridge })),
  ...scenario.brokers.map((_, broker) => nameOf({ broker })),
];
const known = new Map<string, string>();

/** Asks the engine's DNS again for an address that is new: a container that starts anew may have another one. */
async function whose(address: string): Promise<string> {
  const wanted = plain(address);
  const before = known.get(wanted);
  if (before !== undefined && (await addressOf(before)) === wanted) return before;
  const found = await Promise.all(names.map(async (name) => [name, await addressOf(name)] as const));
  for (const [name, at] of found) if (at !== undefined) known.set(at, name);
  return known.get(wanted) ?? 'nobody';
}

async function addressOf(name: string): Promise<string | undefined> {
  return lookup(name, { family: 4 }).then(({ address }) => address, () => undefined);
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
}).listen(Number(process.env['CHAOS_CONTROL_PORT']), () => console.log('the toxic proxy is up'));
process.once('SIGTERM', () => process.exit());
