/** Who connected to whom, on the links that listeners hand out. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { endedByReset } from '../../../src/net/socket-reset.ts';
import { tcpEnds } from '../../../src/net/tcp-ends.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { type LinkKind, openPair } from '../../support/net-links.ts';
import { closed } from '../../support/streams.ts';

checkLeaks();

async function pair(kind: LinkKind) {
  const opened = await openPair(kind);
  onTestFinished(() => opened.close());
  return opened;
}

it.each(['tcp', 'tls'] as const)('are known of a link over %s, until it is closed', async (kind) => {
  const { a, b } = await pair(kind);
  const { localPort, remotePort } = a.stream as Socket;
  expect(b.ends).toEqual({
    source: { host: '127.0.0.1', port: localPort },
    destination: { host: '127.0.0.1', port: remotePort },
  });
  b.reset();
  await closed(b.stream);
  expect(b.ends).toBeUndefined();
});

it('do not keep a reset from being seen as one', async () => {
  const { a, b } = await pair('tls');
  expect(b.ends).toBeDefined();
  a.reset();
  await closed(a.stream);
  const ended = once(b.stream, 'end').then(() => endedByReset(b.stream));
  b.stream.on('error', () => {}).resume();
  expect(await Promise.race([ended, closed(b.stream).then(() => true)])).toBe(true);
});

it('are of no link in memory', async () => {
  expect((await pair('memory')).b.ends).toBeUndefined();
});

it('are plain addresses', () => {
  const socket = {
    remoteAddress: '::ffff:192.0.2.7',
    remotePort: 1,
    localAddress: 'fe80::1%eth0.1',
    localPort: 2,
  };
  expect(tcpEnds(socket as Socket)).toEqual({
    source: { host: '192.0.2.7', port: 1 },
    destination: { host: 'fe80::1', port: 2 },
  });
  const never = connect({ port: 1, host: '127.0.0.1' }).on('error', () => {});
  expect(tcpEnds(never)).toBeUndefined();
  never.destroy();
});
