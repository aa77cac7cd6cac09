/** What a connection costs the relay that it refuses before TLS, against one that it takes. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { RATE_CONNECTIONS, RATE_TOLD } from '../../../src/base/limits.ts';
import { makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { nextSource } from '../../../test/support/sources.ts';
import { dialAs, WireClient } from '../../../test/support/wire-client.ts';
import { LOOPBACK } from '../loopback.ts';
import { percentile, type Row, rounded } from '../report.ts';
import { cpuMsOf } from './usage.ts';

export const REFUSED_WHAT = 'CPU of a connection refused before TLS against an accepted one';
export const REFUSED_BAR = 'under one tenth';
const PART = 1 / 10;

/** Ticks of CPU time are 10 ms: each round has a hundred of them at the least. */
const ACCEPTED = 1_000;
const REFUSED = 20_000;
const ROUNDS = 3;
const AT_ONCE = 16;

/** One kind and the other in turn at one relay; the median of the rounds. */
export async function measureRefused(): Promise<Row> {
  const files = await makePkiDirectory();
  try {
    // Listed, so that the caps for strangers do not count.
    writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
    const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
    try {
      const source = nextSource();
      for (let made = 0; made < RATE_CONNECTIONS + RATE_TOLD; made += 1) {
        (await WireClient.dial(relay.port, { localAddress: source })).reset();
      }
      const cost = async (count: number, one: () => Promise<void>): Promise<number> => {
        const before = cpuMsOf(relay.pid);
        await many(count, one);
        return ((cpuMsOf(relay.pid) - before) / count) * 1_000;
      };
      const accepted = (): Promise<void> => park(relay.port);
      const refused = (): Promise<void> => knock(relay.port, source);
      await many(ACCEPTED / 4, accepted);
      await many(REFUSED / 4, refused);
      const rounds: { accepted: number; refused: number }[] = [];
      while (rounds.length < ROUNDS) {
        rounds.push({ accepted: await cost(ACCEPTED, accepted), refused: await cost(REFUSED, refused) });
      }
      return rowOf(rounds);
    } finally {
      await relay.kill();
    }
  } finally {
    await files.remove();
  }
}

function rowOf(rounds: readonly { accepted: number; refused: number }[]): Row {
  const [accepted, refused, part] = [
    rounds.map((round) => round.accepted),
    rounds.map((round) => round.refused),
    rounds.map((round) => round.refused / round.accepted),
  ].map((values) => percentile(values, 50)) as [number, number, number];
  return {
    what: REFUSED_WHAT,
    bar: REFUSED_BAR,
    measured: `${rounded(part)} of it: ${rounded(refused)} us against ${rounded(accepted)} us`,
    met: part < PART,
    how: `CPU time of the relay in user space and kernel, accept and close included; TLS, proof and PARKED against a source over its limit; median of ${ROUNDS} rounds of ${REFUSED.toLocaleString('en-US')} and ${ACCEPTED.toLocaleString('en-US')}`,
    values: { part, refused_us: refused, accepted_us: accepted },
  };
}

async function park(port: number): Promise<void> {
  (await dialAs('park', port)).reset();
}

/** A connection that the relay closes without a word. */
async function knock(port: number, localAddress: string): Promise<void> {
  const socket = connect({ host: LOOPBACK, port, localAddress });
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close');
}

async function many(count: number, one: () => Promise<void>): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
