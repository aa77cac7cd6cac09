import { expect, it } from 'vitest';
import { systemRandom } from '../../../src/base/random.ts';
import { bridgeDialer } from '../../../src/broker/dial-bridge.ts';
import { makePki } from '../../support/certificates.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { PuppetRelay, quiet } from '../../support/puppet-relay.ts';

const INSTANCE = Buffer.alloc(16, 7);
const WISH = { wanted: Buffer.alloc(16, 1), except: [Buffer.alloc(16, 2)], avoid: ['relay-9'] };

function setUp() {
  const relay = new PuppetRelay(systemRandom);
  const { infoHash } = makePki();
  const clock = new ManualClock();
  const dial = bridgeDialer({ dialer: relay, infoHash, instance: INSTANCE, software: 'test/1', clock });
  const [route] = relay.routes.all;
  if (!route) throw new Error('no route');
  return { relay, clock, dial, route };
}

it('says in HELLO what is wished for, and resolves with what PAIRED says', async () => {
  const { relay, clock, dial, route } = setUp();
  const dialling = dial({ route, ...WISH }, new AbortController().signal);
  await quiet();
  const [client] = relay.clients;
  expect(client?.frames).toMatchObject([{ type: 'hello', role: 'connect', instance: INSTANCE, ...WISH }]);
  client?.sendPaired();
  const paired = await dialling;
  expect(paired).toMatchObject({
    path: [{ node: 'relay-0', zone: 'eu-1' }],
    bridge: Buffer.alloc(16, 1),
    route,
  });
  paired.link.reset();
  expect(clock.pending).toBe(0);
});

it('rejects with the refusal of the relay', async () => {
  const { relay, dial, route } = setUp();
  const dialling = dial({ route }, new AbortController().signal);
  dialling.catch(() => {});
  await quiet();
  relay.clients[0]?.refuse('avoided');
  await expect(dialling).rejects.toMatchObject({ code: 'avoided' });
  relay.close();
});
