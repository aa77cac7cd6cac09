import { describe, expect, it } from 'vitest';
import { endedByReset, plainAddress } from '../../../src/net/socket-reset.ts';
import { checkLeaks, descriptors, settled } from '../../support/leaks.ts';
import { openPair } from '../../support/net-links.ts';
import { closed, watch } from '../../support/streams.ts';

checkLeaks();

describe('plainAddress', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:0:1', '::ffff:0:1'],
  ])('writes %s as %s', (address, plain) => {
    expect(plainAddress(address)).toBe(plain);
  });
});

describe('resetSocket', () => {
  /** Node forgets the descriptor of a socket that is reset while its shutdown is under way. */
  it.each(['tcp', 'tls'] as const)('leaks no %s socket, whatever was going on', async (kind) => {
    const before = descriptors() ?? 0;
    for (const prepare of ['nothing', 'write', 'end', 'write and end', 'end, later', 'much'] as const) {
      const pair = await openPair(kind);
      const { stream } = pair.b;
      const atA = prepare === 'much' ? undefined : watch(pair.a.stream);
      if (prepare === 'much') stream.write(Buffer.alloc(20_000_000));
      if (prepare.startsWith('write')) stream.write('bytes');
      if (prepare.includes('end')) stream.end();
      if (prepare === 'end, later') await atA?.ended;
      pair.b.reset();
      await closed(stream);
      await pair.close();
      await closed(pair.a.stream);
    }
    expect(await settled(() => (descriptors() ?? 0) <= before)).toBe(true);
  });

  it('may come inside any callback of OpenSSL', async () => {
    // Each of these ended the process with a segmentation fault when the TLS socket was destroyed as well.
    for (const act of ['data', 'end', 'write'] as const) {
      const pair = await openPair('tls');
      const { stream } = pair.b;
      const reset = (): void => {
        stream.write('one last word', () => {});
        process.nextTick(() => pair.b.reset());
        pair.b.reset();
      };
      if (act === 'data') stream.on('data', reset);
      if (act === 'end') stream.on('end', reset).resume();
      if (act === 'write') stream.write('x', reset);
      pair.a.stream.resume();
      if (act === 'end') pair.a.stream.end();
      else pair.a.stream.write('go');
      await closed(stream);
      await pair.close();
    }
  });
});

describe('endedByReset', () => {
  it.each(['tcp', 'tls'] as const)('takes a clean end of a %s link for what it is', async (kind) => {
    const pair = await openPair(kind);
    const atB = watch(pair.b.stream);
    pair.a.stream.end();
    await atB.ended;
    expect(endedByReset(pair.b.stream)).toBe(false);
    pair.b.stream.end();
    pair.a.stream.resume();
    await atB.closed;
    expect(endedByReset(pair.b.stream)).toBe(false);
    await pair.close();
  });
});
