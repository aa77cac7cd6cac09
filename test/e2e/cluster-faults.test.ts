/** What real relays make of silence: nodes that die, come back, and cannot hear each other; and clients with nothing to say. */
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { makePki } from '../support/certificates.ts';
import { ProcessCluster, type ProcessClusterOptions, pathOf } from '../support/cluster-processes.ts';
import { freePorts } from '../support/ports.ts';
import type { LogLine } from '../support/processes.ts';
import { acceptOffer, cutClients } from '../support/wire-client.ts';

afterAll(cutClients);

/** What other tests on the same two cores may add to the times that are promised. bench:cluster measures these exactly. */
const BUSY_MS = 1_000;

/** Longer than every time-out of the set-up of a pairing or a forward: 2 s, 5 s, 6 s and 10 s. */
const IDLE_MS = 12_000;

/** Milliseconds from `since`, a wall clock time, to the latest of `lines`. */
function latest(lines: readonly LogLine[], since: number): number {
  return Math.max(...lines.map(({ time }) => Date.parse(String(time)))) - since;
}

/** A cluster that the test removes. */
async function start(
  onTestFinished: (end: () => Promise<void>) => void,
  options: ProcessClusterOptions = {},
): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.start(options);
  onTestFinished(() => cluster.remove());
  return cluster;
}

describe.concurrent('a cluster', () => {
  it('keeps an idle splice for longer than every time-out of its set-up', async ({ onTestFinished }) => {
    const cluster = await start(onTestFinished, { names: ['a', 'b'] });
    const pki = makePki({ fresh: true });
    const [bridge, broker] = [await cluster.park('b', pki), await cluster.connect('a', pki)];
    await acceptOffer(bridge);
    expect(await pathOf(broker)).toBe('a-b');
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    broker.send('still there?');
    expect(await bridge.opaque(12)).toBe('still there?');
    bridge.send('yes');
    expect(await broker.opaque(3)).toBe('yes');
  });

  describe('a node that is killed', () => {
    it('is gone with its parks within 1 s, and comes back under its name at another port', async ({
      onTestFinished,
    }) => {
      const cluster = await start(onTestFinished);
      const pki = makePki({ fresh: true });
      const bridge = await cluster.park('b', pki);
      const spliced = await cluster.connect('a', pki);
      await acceptOffer(bridge);
      expect(await pathOf(spliced)).toBe('a-b');
      await cluster.park('b', pki);
      await cluster.knows('a', 'b', pki);

      const killedAt = systemClock.wall();
      await cluster.node('b').kill();
      await spliced.ended;
      const gone = await Promise.all(['a', 'c'].map((at) => cluster.says('gone', at, 'b')));
      expect(gone.map(({ reason }) => reason)).toEqual(['disconnected', 'disconnected']);
      expect(latest(gone, killedAt)).toBeLessThanOrEqual(1_000 + BUSY_MS);
      const waiting = await cluster.connect('a', pki);
      await waiting.expect('waiting');
      const elsewhere = await cluster.park('c', pki);
      await acceptOffer(elsewhere);
      expect(await pathOf(waiting)).toBe('a-c');

      // The others still look for it at its old port, and it knows where they are.
      const [gossipPort = 0] = await freePorts(1);
      await cluster.startNode('b', { gossipPort });
      await cluster.joined('b');
      await Promise.all([cluster.pairs('a', 'b'), cluster.pairs('b', 'c'), cluster.pairs('c', 'b')]);
      const again = await cluster.connect('c', pki);
      await again.expect('waiting');
    });
  });

  describe('a node that cannot be heard', () => {
    it.for([
      ['in both directions: a black hole', true],
      ['in one direction', false],
    ] as const)(
      '%s, twice in a row, is gone within 4 s and back within 3 s',
      async ([, both], { onTestFinished }) => {
        const cluster = await start(onTestFinished, { proxied: true });
        for (let round = 0; round < 2; round += 1) {
          const pki = makePki({ fresh: true });
          const hidden = makePki({ fresh: true });
          const before = await cluster.park('c', pki);
          await Promise.all([cluster.knows('a', 'c', pki), cluster.knows('b', 'c', pki)]);

          const cutAt = systemClock.wall();
          cluster.cut('c', ['a', 'b']);
          for (const other of both ? ['a', 'b'] : []) cluster.cut(other, ['c']);
          const gone = await Promise.all(
            ['a', 'b'].flatMap((other) => [
              cluster.says('gone', other, 'c'),
              cluster.says('gone', 'c', other),
            ]),
          );
          expect(
            latest(
              gone.filter(({ node }) => node === 'c'),
              cutAt,
            ),
          ).toBeLessThanOrEqual(4_000 + BUSY_MS);
          // Each side goes on alone. c has lost one bridge and got another; a and b do not know.
          await cluster.pairs('a', 'b');
          before.reset();
          const during = await cluster.park('c', hidden);
          const [waiting, forNobody] = [await cluster.connect('a', hidden), await cluster.connect('b', pki)];
          await Promise.all([waiting.expect('waiting'), forNobody.expect('waiting')]);

          cluster.heal();
          const healedAt = systemClock.wall();
          const joined = await Promise.all(
            ['a', 'b'].flatMap((other) => [
              cluster.says('joined', other, 'c'),
              cluster.says('joined', 'c', other),
            ]),
          );
          await acceptOffer(during);
          expect(await pathOf(waiting)).toBe('a-c');
          expect(latest(joined, healedAt)).toBeLessThanOrEqual(3_000 + BUSY_MS);
          await Promise.all([cluster.pairs('b', 'c'), cluster.pairs('c', 'b'), cluster.pairs('c', 'a')]);
          expect(forNobody.unread).toEqual({ frames: 0, bytes: 0 });
          for (const client of [waiting, forNobody]) client.reset();
        }
      },
    );
  });
});
