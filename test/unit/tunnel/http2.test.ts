/** What both ends of a tunnel agree on, and that the options are what keeps it alive. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, performServerHandshake } from 'node:http2';
import { describe, expect, it, onTestFinished } from 'vitest';
import { H2_STREAM_WINDOW, TUNNEL_STREAMS } from '../../../src/base/limits.ts';
import { RENEW_SETTING, SESSION_OPTIONS, STREAM_REFUSALS, streamRefusal } from '../../../src/tunnel/http2.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { closed } from '../../support/streams.ts';

checkLeaks();

/** Much work, for a machine that has other work to do. */
const SLOW = { timeout: 60_000 };

/** Node's type for `connect` asks for a socket; any Duplex will do, as for a tunnel. */
function session(options: object): ClientHttp2Session {
  const [near, far] = memoryLinks({ highWaterMark: 65_536 });
  const server = performServerHandshake(far.stream, options);
  server.on('error', () => {});
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  const client = connect('http://tunnel', { ...options, createConnection: () => near.stream });
  client.on('error', () => {});
  onTestFinished(() => {
    near.reset();
    far.reset();
  });
  return client;
}

/** Opens one live stream, then `count` streams that are reset at once; whether the live one still echoes. */
async function livesThrough(count: number, options: object): Promise<boolean> {
  const client = session(options);
  const live = client.request({ ':method': 'CONNECT', ':authority': 'vault' });
  let echoed = '';
  let gone = false;
  live.on('error', () => {});
  live.once('close', () => {
    gone = true;
  });
  live.on('data', (chunk: Buffer) => {
    echoed += chunk.toString();
  });
  live.write('before');
  await settled(() => echoed === 'before');
  for (let done = 0; done < count && !gone; done += 100) {
    const streams = Array.from({ length: 100 }, () =>
      client.request({ ':method': 'CONNECT', ':authority': 'vault' }),
    );
    for (const stream of streams) stream.on('error', () => {});
    // A request that is reset before it was sent is not sent at all.
    await Promise.all(streams.map((stream) => Promise.race([once(stream, 'response'), closed(stream)])));
    for (const stream of streams) stream.destroy(new Error('reset'));
    await settled(() => false, 3);
  }
  if (!gone) live.write(' after');
  await settled(() => echoed === 'before after' || gone);
  return !gone;
}

describe('the options of a session', () => {
  it(
    'are what lets it live through 1,500 resets: with those of Node it dies, live stream included',
    SLOW,
    async () => {
      const { streamResetBurst, streamResetRate, ...others } = SESSION_OPTIONS;
      expect([streamResetBurst, streamResetRate].every((value) => value > 5_000)).toBe(true);
      expect(await livesThrough(900, others)).toBe(true);
      expect(await livesThrough(1_500, others)).toBe(false);
      expect(await livesThrough(1_500, SESSION_OPTIONS)).toBe(true);
    },
  );

  it('are told to the other end', async () => {
    const client = session(SESSION_OPTIONS);
    const settings = await new Promise<object>((resolve) => client.once('remoteSettings', resolve));
    expect(settings).toMatchObject({
      initialWindowSize: H2_STREAM_WINDOW,
      maxConcurrentStreams: TUNNEL_STREAMS,
    });
  });
});

describe('a refusal', () => {
  it.each(Object.keys(STREAM_REFUSALS))('%s is read as it was written', (name) => {
    expect(streamRefusal(name)).toBe(name);
  });

  it.each([undefined, 'toString', '', ['unknownTarget'], 'Unknown'])('%j is internal', (text) => {
    expect(streamRefusal(text)).toBe('internal');
  });
});

it('the setting by which a bridge asks for another tunnel is the one that TUNNEL.md names', () => {
  const specification = readFileSync('src/wire/TUNNEL.md', 'utf8');
  expect(specification).toContain(`0x${RENEW_SETTING.toString(16)} with the value 1`);
});
