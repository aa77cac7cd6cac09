/**
 * CPU seconds per GB of bulk through broker, relay and bridge, each in a process of its own, with a plain TCP store; and the
 * same through HTTP/2 over plain mTLS.
 *
 *   node scripts/bench-tunnel.ts [GB] [runs] [directory for CPU profiles]
 */
import { measureTunnelCpu } from './bench/tunnel-cpu.ts';

const BAR = 1.7;
const [gigabytes = '1', runs = '3', profiles] = process.argv.slice(2);

const { tunnel, plain } = await measureTunnelCpu({
  bytes: Number(gigabytes) * 1e9,
  runs: Number(runs),
  profiles,
  onTransfer: ({ name, through, cpu, megabytesPerSecond }) => {
    const parts = Object.entries(cpu).map(([role, seconds]) => `${role} ${seconds.toFixed(2)}`);
    console.log(`${name} ${through}: CPU-s/GB ${parts.join(', ')}; ${megabytesPerSecond.toFixed(0)} MB/s`);
  },
});
const ratio = tunnel / plain;
console.log(`both ends: ${tunnel.toFixed(2)} CPU-s/GB by tunnel, ${plain.toFixed(2)} plain`);
console.log(`ratio ${ratio.toFixed(2)}, bar ${BAR}: ${ratio <= BAR ? 'met' : 'missed'}`);
