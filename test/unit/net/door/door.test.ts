/** The order at the door, and what each step does with a connection. */
import { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseCidrs } from '../../../../src/base/cidr.ts';
import {
  ONE_SOURCE_CONNECTIONS,
  ONE_SOURCE_WINDOW_MS,
  RATE_CONNECTIONS,
  RATE_TOLD,
  RATE_WINDOW_MS,
} from '../../../../src/base/limits.ts';
import { Door, type Entry } from '../../../../src/net/door/door.ts';
import { TrustedProxies } from '../../../../src/net/door/trusted-proxies.ts';
import { SocketServer } from '../../../../src/net/socket-server.ts';
import { tcpClient } from '../../../support/door.ts';
import { checkLeaks, settled } from '../../../support/leaks.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { HOST } from '../../../support/net-links.ts';
import { proxyLocal, proxyV1, proxyV2 } from '../../../support/proxy-header.ts';
import { recordingLog } from '../../../support/recording-log.ts';
import { watch } from '../../../support/streams.ts';

checkLeaks();

function scene(proxies?: string) {
  const clock = new ManualClock();
  const { log, lines } = recordingLog();
  const door = new Door({
    clock,
    log,
    proxies: new TrustedProxies(proxies === undefined ? [] : parseCidrs(proxies)),
  });
  const entries: Entry[] = [];
  const away: string[] = [];
  /** A connection from `peer` that nothing is read from. */
  const come = (peer: string, tells = true, proxied = true): void => {
    const socket = new Socket();
    onTestFinished(() => void socket.destroy());
    door.enter({
      socket,
      peer,
      proxied,
      tells,
      onEntry: (entry) => entries.push(entry),
      onTurnedAway: (reason) => {
        away.push(reason);
        expect(socket.destroyed).toBe(true);
      },
    });
  };
  const many = (count: number, peer: string, tells = true): void => {
    for (let times = 0; times < count; times += 1) come(peer, tells);
  };
  return { clock, door, entries, away, come, many, lines };
}

type Scene = ReturnType<typeof scene>;

const within = ({ entries }: Scene): number =>
  entries.filter(({ retryAfterMs }) => retryAfterMs === undefined).length;

describe('the rate', () => {
  it('lets the 100th in, tells the 101st when to come again, and closes the 201st', () => {
    const all = scene();
    all.many(RATE_CONNECTIONS, '192.0.2.1');
    expect([within(all), all.away]).toEqual([RATE_CONNECTIONS, []]);
    all.clock.advance(1_000);
    all.come('192.0.2.1');
    expect([within(all), all.entries.length]).toEqual([RATE_CONNECTIONS, RATE_CONNECTIONS + 1]);
    expect(all.entries.at(-1)?.retryAfterMs).toBe(RATE_WINDOW_MS - 1_000);
    all.many(RATE_TOLD - 1, '192.0.2.1');
    expect(all.away).toEqual([]);
    all.come('192.0.2.1');
    expect(all.away).toEqual(['rateLimit']);
    expect(all.door.status.rate).toMatchObject({ entered: RATE_CONNECTIONS, told: RATE_TOLD, closed: 1 });
    all.come('192.0.2.2');
    expect(within(all)).toBe(RATE_CONNECTIONS + 1);
  });

  it('closes the 101st where nobody can be told', () => {
    const all = scene();
    all.many(RATE_CONNECTIONS + 1, '192.0.2.1', false);
    expect([all.entries.length, all.away]).toEqual([RATE_CONNECTIONS, ['rateLimit']]);
  });

  it('does not count who proves to be no stranger', () => {
    const all = scene();
    for (let times = 0; times < 3 * RATE_CONNECTIONS; times += 1) {
      all.come('192.0.2.1');
      all.entries.at(-1)?.exempt();
    }
    expect([within(all), all.away]).toEqual([3 * RATE_CONNECTIONS, []]);
  });

  it('is the same for a listener whose sockets are not ours', () => {
    const all = scene();
    all.many(RATE_CONNECTIONS - 1, '192.0.2.1');
    const proved = all.door.knock('192.0.2.1');
    expect(all.door.knock('192.0.2.1')).toBeUndefined();
    proved?.();
    expect(all.door.knock('192.0.2.1')).toBeTypeOf('function');
  });
});

describe('proxies', () => {
  /** A port behind the door that trusts 127.0.0.0/8. */
  async function port() {
    const all = scene('127.0.0.0/8');
    const server = new SocketServer({
      host: HOST,
      port: 0,
      onSocket: (socket, peer) =>
        all.door.enter({
          socket,
          peer,
          proxied: true,
          tells: true,
          onEntry: (entry) => all.entries.push(entry),
          onTurnedAway: (reason) => all.away.push(reason),
        }),
      onFailure: (error) => expect.fail(String(error)),
    });
    const bound = await server.listen();
    onTestFinished(() => server.close());
    return { ...all, port: bound.port };
  }

  it('name the client, whose rate it is then', async () => {
    const all = await port();
    for (const source of ['203.0.113.9', '2001:db8::1']) tcpClient(all.port).write(proxyV2({ source }));
    expect(await settled(() => all.entries.length === 2)).toBe(true);
    expect(all.entries.map(({ source }) => source).sort()).toEqual(['2001:db8::1', '203.0.113.9']);
    all.many(RATE_CONNECTIONS, '203.0.113.9');
    expect(all.entries.at(-1)?.retryAfterMs).toBe(RATE_WINDOW_MS);
  });

  it('must send a header; their own connections do not count', async () => {
    const all = await port();
    const client = tcpClient(all.port);
    client.write('no header at all');
    await watch(client).ended;
    expect(all.away).toEqual(['proxyHeader']);
    tcpClient(all.port).write(proxyLocal());
    expect(await settled(() => all.entries.length === 1)).toBe(true);
    expect(all.entries[0]).toMatchObject({ source: HOST, retryAfterMs: undefined });
    expect(all.door.status.rate.entered).toBe(0);
    tcpClient(all.port).write('PROXY UNKNOWN\r\n');
    expect(await settled(() => all.door.status.rate.entered === 1)).toBe(true);
  });

  it('are believed by listeners that take headers only, and from their networks only', () => {
    const all = scene('10.0.0.0/8');
    all.come('10.0.0.1', true, false);
    all.come('192.0.2.1');
    expect(all.entries.map(({ source }) => source)).toEqual(['10.0.0.1', '192.0.2.1']);
  });

  it('that send nothing are closed after a second', async () => {
    const all = await port();
    const client = tcpClient(all.port);
    expect(await settled(() => all.clock.pending === 1)).toBe(true);
    all.clock.advance(1_000);
    await watch(client).ended;
    expect(all.away).toEqual(['timeout']);
    expect(proxyV1({ source: HOST }).length).toBeGreaterThan(0);
  });
});

describe('the warning of a hidden load balancer', () => {
  it('comes once, names no address, and only where clients come', () => {
    const all = scene();
    for (let times = 0; times < ONE_SOURCE_CONNECTIONS; times += 1) all.come('10.1.2.3', true, false);
    all.clock.advance(ONE_SOURCE_WINDOW_MS);
    all.come('10.1.2.3', true, false);
    expect(all.lines).toEqual([]);
    all.many(ONE_SOURCE_CONNECTIONS, '10.1.2.3');
    all.clock.advance(ONE_SOURCE_WINDOW_MS);
    all.many(2, '10.1.2.3');
    expect(all.lines).toMatchObject([{ level: 'warn' }]);
    expect(JSON.stringify(all.lines)).not.toContain('10.1');
  });

  it('does not come where proxies are configured', () => {
    const all = scene('10.9.0.0/16');
    all.many(ONE_SOURCE_CONNECTIONS, '10.1.2.3');
    all.clock.advance(ONE_SOURCE_WINDOW_MS);
    all.come('10.1.2.3');
    expect(all.lines).toEqual([]);
  });
});

it('sources of one /64 are one, an IPv4-mapped one is IPv4', () => {
  const all = scene();
  all.many(RATE_CONNECTIONS / 2, '2001:db8::1');
  all.many(RATE_CONNECTIONS / 2, '2001:db8::ffff:ffff');
  all.come('2001:db8::2');
  expect([within(all), all.entries.length]).toEqual([RATE_CONNECTIONS, RATE_CONNECTIONS + 1]);
  all.many(RATE_CONNECTIONS, '::ffff:192.0.2.1');
  all.come('192.0.2.1');
  expect(within(all)).toBe(2 * RATE_CONNECTIONS);
});
