/**
 * CPU seconds per GB of a TLS-to-TLS splice, ours beside `stream.pipeline`, each in a process of its own so that the
 * load generator's work does not count.
 *
 *   node scripts/bench-splice.ts [GB] [runs]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../src/base/clock.ts';
import { DIAL_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS, STALL_TIMEOUT_MS } from '../src/base/limits.ts';
import { silentLog } from '../src/base/log.ts';
import { dialTls } from '../src/net/dial.ts';
import type { Link } from '../src/net/link.ts';
import type { Credentials } from '../src/net/server-context.ts';
import { spliceLinks } from '../src/net/splice.ts';
import { TlsListener } from '../src/net/tls-listener.ts';
import { makePki } from '../test/support/certificates.ts';

const ALPN = 'bench';
const WAYS = ['splice', 'pipeline'] as const;
type Way = (typeof WAYS)[number];

interface Usage {
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
}

const [role, way] = process.argv.slice(2);
if (role === 'relay') serve(way as Way);
else await measure(Number(role ?? 2), Number(way ?? 3));

/** The child: pairs every two connections. */
function serve(way: Way): void {
  process.once('message', async (credentials: Credentials) => {
    let first: Link | undefined;
    const listener = new TlsListener({
      host: '127.0.0.1',
      port: 0,
      credentials,
      alpn: ALPN,
      requestCert: true,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      clock: systemClock,
      log: silentLog,
      onNoise: () => {},
      onLink: (link) => {
        if (!first) first = link;
        else join(way, first, link);
      },
    });
    process.send?.(await listener.listen());
    process.on('message', () => {
      const { user, system } = process.cpuUsage();
      process.send?.({
        cpuSeconds: (user + system) / 1e6,
        peakRssMb: process.resourceUsage().maxRSS / 1_024,
      });
    });
  });
}

function join(way: Way, a: Link, b: Link): void {
  if (way === 'splice') {
    void spliceLinks(a, b, { clock: systemClock, stallMs: STALL_TIMEOUT_MS }).done;
    return;
  }
  void Promise.allSettled([pipeline(a.stream, b.stream), pipeline(b.stream, a.stream)]);
}

async function measure(gigabytes: number, runs: number): Promise<void> {
  for (let run = 1; run <= runs; run += 1) {
    for (const way of WAYS) {
      const { cpu, seconds, rss } = await runOnce(way, gigabytes * 1e9);
      const perGb = (cpu / gigabytes).toFixed(2);
      const rate = (gigabytes / seconds).toFixed(2);
      console.log(
        `${way.padEnd(9)} run ${run}: ${perGb} CPU-s/GB, ${rate} GB/s, peak RSS ${rss.toFixed(0)} MB`,
      );
    }
  }
}

async function runOnce(way: Way, bytes: number): Promise<{ cpu: number; seconds: number; rss: number }> {
  const { relay, relayCa } = makePki();
  const child = fork(import.meta.filename, ['relay', way]);
  child.send({ certPem: relay.certificate, keyPem: relay.key });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const dial = (): Promise<Link> =>
    dialTls({
      host: '127.0.0.1',
      port,
      alpn: ALPN,
      trust: { ca: [relayCa.certificate] },
      timeoutMs: DIAL_TIMEOUT_MS,
      clock: systemClock,
    });
  const writer = await dial();
  const reader = await dial();
  const before = await usage(child);
  const start = systemClock.now();
  const received = drain(reader);
  await pump(writer, bytes);
  await received;
  const seconds = (systemClock.now() - start) / 1_000;
  const after = await usage(child);
  writer.reset();
  reader.reset();
  child.kill();
  await once(child, 'exit');
  return { cpu: after.cpuSeconds - before.cpuSeconds, seconds, rss: after.peakRssMb };
}

async function usage(child: ChildProcess): Promise<Usage> {
  child.send('usage');
  const [answer] = (await once(child, 'message')) as [Usage];
  return answer;
}

async function pump({ stream }: Link, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(64 * 1_024, 7);
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
}

async function drain({ stream }: Link): Promise<void> {
  stream.resume();
  await once(stream, 'end');
}
