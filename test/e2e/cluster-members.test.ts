/** Who is a node of a cluster and who is not, by real processes. */
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { makePki } from '../support/certificates.ts';
import { ProcessCluster, pathOf, SECRET_A, SECRET_B } from '../support/cluster-processes.ts';
import { freePorts } from '../support/ports.ts';
import { makePkiDirectory, runBeacon } from '../support/processes.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { acceptOffer, cutClients } from '../support/wire-client.ts';

afterAll(cutClients);

describe.concurrent('a cluster', () => {
  it('goes on pairing while its secret is changed by rolling restarts', async ({ onTestFinished }) => {
    const cluster = await ProcessCluster.start();
    onTestFinished(() => cluster.remove());
    const steps = [[SECRET_A, SECRET_B], [SECRET_B, SECRET_A], [SECRET_B]];
    const pki = makePki();
    for (const secret of steps) {
      for (const name of ['a', 'b', 'c']) {
        const [one = '', other = ''] = cluster.others(name);
        const stopped = cluster.node(name).stop();
        await cluster.pairs(one, other, pki);
        expect(await stopped).toEqual({ code: 0, signal: null });
        await cluster.startNode(name, { secret });
        await cluster.joined(name);
        await cluster.pairs(name, one, pki);
        await cluster.pairs(other, name, pki);
      }
    }
  });

  it('lets no process in that has another secret, and tells it nothing', async ({ onTestFinished }) => {
    const cluster = await ProcessCluster.start({ names: ['a', 'b'], expected: ['c'] });
    onTestFinished(() => cluster.remove());
    const dials = await TcpProxy.listen(cluster.gossipPort('a'));
    onTestFinished(() => dials.close());
    const stranger = await cluster.startNode('c', {
      secret: [SECRET_B],
      peers: `a=127.0.0.1:${dials.port},b=127.0.0.1:${cluster.gossipPort('b')}`,
    });
    const [mine, theirs] = [makePki({ fresh: true }), makePki({ fresh: true })];
    await Promise.all([cluster.park('a', mine), cluster.park('c', theirs)]);
    await cluster.knows('b', 'a', mine);
    await dials.dialled(3);
    for (const [at, pki] of [
      ['c', mine],
      ['a', theirs],
      ['b', theirs],
    ] as const) {
      const broker = await cluster.connect(at, pki);
      await broker.expect('waiting');
      broker.reset();
    }
    expect(stranger.lines.filter(({ msg }) => /joined|connected/.test(msg))).toEqual([]);
    // Whoever scans the port writes nothing into the log that most people read.
    for (const name of ['a', 'b']) {
      const lines = cluster.node(name).lines.filter(({ level }) => level !== 'debug');
      expect(lines.filter(({ node }) => node === 'c')).toEqual([]);
    }
    await cluster.pairs('b', 'a');
  });

  it('keeps the newer of two processes with one name; the older one says so and leaves', async ({
    onTestFinished,
  }) => {
    const cluster = await ProcessCluster.start({ names: ['a', 'b'] });
    onTestFinished(() => cluster.remove());
    const older = cluster.node('a');
    const pki = makePki({ fresh: true });
    const bridge = await cluster.park('a', pki);
    const [gossipPort = 0] = await freePorts(1);
    const newer = await cluster.startNode('a', { gossipPort });
    expect(await bridge.expect('draining')).toMatchObject({ node: 'a' });
    await bridge.expect('goaway');
    bridge.end();
    expect(await older.exited).toEqual({ code: 0, signal: null });
    expect(older.lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('a newer process runs under the name') }),
    ]);
    const broker = await cluster.connect('b', pki);
    await broker.expect('waiting');
    await acceptOffer(await cluster.park('a', pki));
    expect(await pathOf(broker)).toBe('b-a');
    await cluster.pairs('a', 'b');
    expect(newer.alive).toBe(true);
  });

  it.for([
    ['without a secret', undefined, '--cluster-peer needs --cluster-secret-file'],
    ['with a secret that is too short', 'short', '32 or more are needed'],
  ] as const)('is not started %s', async ([_, secret, why], { onTestFinished }) => {
    const files = await makePkiDirectory();
    onTestFinished(() => files.remove());
    const flags = ['--cluster-peer', 'b=127.0.0.1:1'];
    if (secret !== undefined) {
      writeFileSync(files.file('secret'), secret, { mode: 0o600 });
      flags.push('--cluster-secret-file', files.file('secret'));
    }
    const { code, error } = await runBeacon(files.relayArgs(...flags));
    expect([code, error]).toEqual([2, expect.stringContaining(why)]);
    expect(error).not.toContain('the relay is up');
  });
});
