/**
 * The relay of the demo: `beacon relay` as it is, with one addition. What it splices, after its own TLS is off, is
 * written to two files, one a direction, so that the demo can look for the secret in them.
 *
 * Started as a process: relay.ts CAPTURE_DIRECTORY, then the arguments of `beacon relay`.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { startBridge } from '../../src/bridge/daemon.ts';
import { startBroker } from '../../src/broker/daemon.ts';
import { processHost } from '../../src/cli/host.ts';
import { run } from '../../src/cli/program.ts';
import type { SpliceDirection } from '../../src/net/splice.ts';
import { startRelay } from '../../src/relay/daemon.ts';
import { CAPTURE_FILES } from './capture.ts';

const [directory = '.', ...args] = process.argv.slice(2);
const captures: Readonly<Record<SpliceDirection, WriteStream>> = {
  aToB: createWriteStream(join(directory, CAPTURE_FILES.toBridge)),
  bToA: createWriteStream(join(directory, CAPTURE_FILES.toBroker)),
};

process.exitCode = await run(['relay', ...args], process.env, processHost(process.env), {
  relay: (settings, log) =>
    startRelay(settings, log, (direction, chunk) => {
      captures[direction].write(Buffer.from(chunk));
    }),
  bridge: startBridge,
  broker: startBroker,
});
captures.aToB.end();
captures.bToA.end();
