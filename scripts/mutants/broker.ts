/** Faults in src/broker/tunnel-keeper.ts for its tests to find: how bridges are found, kept apart, and lost. */
import type { Mutant } from './runner.ts';

const file = 'src/broker/tunnel-keeper.ts';

const FINDING: readonly Mutant[] = [
  {
    name: 'bridges that there is a tunnel to are not left out',
    file,
    find: 'except: except.map(instanceBytes)',
    replace: 'except: []',
  },
  {
    name: 'one tunnel more than the limit',
    file,
    find: 'except.length >= BROKER_TUNNELS',
    replace: 'except.length > BROKER_TUNNELS',
  },
  {
    name: 'one tunnel less than the limit',
    file,
    find: 'except.length >= BROKER_TUNNELS',
    replace: 'except.length >= BROKER_TUNNELS - 1',
  },
  {
    name: 'the pause is the longest at once',
    file,
    find: 'Math.min(2 * this.#pauseMs, FIND_BRIDGES_MS)',
    replace: 'FIND_BRIDGES_MS',
  },
  {
    name: 'the pause grows without end',
    file,
    find: 'Math.min(2 * this.#pauseMs, FIND_BRIDGES_MS)',
    replace: '2 * this.#pauseMs',
  },
  {
    name: 'the pause stays long when a bridge was found',
    file,
    find: 'this.#pauseMs = FIND_NEXT_MS;\n    void this.#welcome(tunnel);',
    replace: 'void this.#welcome(tunnel);',
  },
  {
    name: 'that there is no other bridge is news',
    file,
    find: '!urgent && this.connected',
    replace: '!urgent && !this.connected',
  },
  {
    name: 'that there is no other bridge speaks against the relay',
    file,
    find: "error.code === 'noBridge' && this.#tunnels.size > 0",
    replace: 'this.#tunnels.size < 0',
  },
  {
    name: 'a relay that is silent holds the others up',
    file,
    find: 'if (OF_ONE_RELAY.has(error.code)) return 0;',
    replace: '',
  },
  {
    name: 'a refusal is asked for again at the next relay at once',
    file,
    find: 'if (OF_ONE_RELAY.has(error.code)) return 0;',
    replace: 'return 0;',
  },
];

const PLACING: readonly Mutant[] = [
  {
    name: 'streams go to the most loaded tunnel',
    file,
    find: 'one.tunnel.streams - other.tunnel.streams',
    replace: 'other.tunnel.streams - one.tunnel.streams',
  },
  {
    name: 'streams go to a tunnel without a leg',
    file,
    find: 'serving && tunnel.hasRoom',
    replace: 'tunnel.hasRoom',
  },
  {
    name: 'streams go to a tunnel that is full',
    file,
    find: 'serving && tunnel.hasRoom',
    replace: 'serving',
  },
];

const LOSING: readonly Mutant[] = [
  {
    name: 'a bridge that leaves in good order is taken for one that never stays',
    file,
    find: 'livedMs >= RECONNECT_HEALTHY_MS',
    replace: 'livedMs > RECONNECT_HEALTHY_MS',
  },
  {
    name: 'a bridge that never stays is asked again at once',
    file,
    find: "reason === 'goaway' && livedMs >= RECONNECT_HEALTHY_MS",
    replace: "reason === 'goaway'",
  },
  {
    name: 'a bridge that is gone is made up for at the next time only',
    file,
    find: 'this.#pauseMs = FIND_NEXT_MS;\n    this.#wake.abort();',
    replace: '',
  },
  {
    name: 'nobody waits by the backoff after a loss',
    file,
    find: 'Math.max(0, this.#notBefore - clock.now())',
    replace: '0 * this.#notBefore',
  },
  {
    name: 'a search that waited by the backoff is followed by another at once',
    file,
    find: 'await sleep(clock, Math.max(0, this.#notBefore - clock.now()), this.#stop.signal);',
    replace:
      'this.#wake = new AbortController(); await sleep(clock, Math.max(0, this.#notBefore - clock.now()), this.#stop.signal); return;',
  },
  {
    name: 'a broker that is denied comes back as if it were a lost tunnel',
    file,
    find: "get another one ('beacon certs issue')\",",
    replace: "get another one ('beacon certs issue')\", { retry: true },",
  },
  {
    name: 'a bridge whose certificate has expired is dialled as if it were a lost tunnel',
    file,
    find: "renew it ('beacon certs renew')\",",
    replace: "renew it ('beacon certs renew')\", { retry: true },",
  },
];

const STOPPING: readonly Mutant[] = [
  {
    name: 'streams are cut when the broker stops',
    file,
    find: 'await Promise.race([Promise.all(closing), deadline]);',
    replace: '',
  },
  {
    name: 'streams are not cut at the deadline',
    file,
    find: 'for (const { tunnel } of this.all) tunnel.destroy();',
    replace: '',
  },
  {
    name: 'a tunnel that comes up while the broker stops stays',
    file,
    find: 'if (this.#stop.signal.aborted) return tunnel.destroy();',
    replace: '',
  },
];

export const BROKER_MUTANTS: readonly Mutant[] = [...FINDING, ...PLACING, ...LOSING, ...STOPPING];
