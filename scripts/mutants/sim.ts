/** Faults for the simulator to find: each breaks something that checkers hold whole clusters to (test/scenario/checkers). */
import type { Mutant } from './runner.ts';
import { TUNNEL_MUTANTS } from './tunnel.ts';

const DIRECTORY = 'src/cluster/directory';

const DIRECTORIES: readonly Mutant[] = [
  {
    name: 'an advert is kept after its withdrawal',
    file: `${DIRECTORY}/advertiser.ts`,
    find: `    this.#state(
      key,
      this.#parks.remove(key, instancesOf(instance), this.journal.get(key) ?? ''),
      members,
      now,
    );`,
    replace: `    this.#parks.remove(key, instancesOf(instance), this.journal.get(key) ?? '');
    void members;
    void now;`,
  },
  {
    name: 'a stale incarnation is accepted',
    file: `${DIRECTORY}/memory.ts`,
    find: 'return word.incarnation === last.incarnation && word.sequence > last.sequence;',
    replace: 'return word.incarnation < last.incarnation || word.sequence > last.sequence;',
  },
  {
    name: 'a node is dropped for good after a heal',
    file: `${DIRECTORY}/memory.ts`,
    find: 'return word.incarnation === last.incarnation && word.sequence > last.sequence;',
    replace: "return 'heartbeat' in last || ('digest' in last && word.sequence > last.sequence);",
  },
  {
    name: 'a silent node is not dropped',
    file: `${DIRECTORY}/member.ts`,
    find: "return now >= this.view.leaseEnd ? 'silent' : undefined;",
    replace: 'return undefined;',
  },
  {
    name: 'a node without a connection is not dropped',
    file: `${DIRECTORY}/member.ts`,
    find: 'if (this.#unreachedAt !== undefined && now >= this.#unreachedAt + NODE_UNREACHED_MS)',
    replace: 'if (this.#unreachedAt !== undefined && now >= this.#unreachedAt + 10_000)',
  },
  {
    name: 'a gap between adverts is passed over',
    file: `${DIRECTORY}/view.ts`,
    find: 'if (changes.after > this.#known) {',
    replace: 'if (changes.after > this.#known + 1_000) {',
  },
  {
    name: 'what a heartbeat tells of a gap starts no pull',
    file: `${DIRECTORY}/view.ts`,
    find: `    if (this.#known < changed) {
      this.pull.plan(now + PULL_PAUSE_MS, 'gap');`,
    replace: `    if (this.#known < changed) {
      void PULL_PAUSE_MS;`,
  },
  {
    name: 'an incarnation that members remember counts for nothing',
    file: `${DIRECTORY}/incarnation.ts`,
    find: 'this.#chosen = Math.max(this.#wallMs, this.#highestHeard + 1);',
    replace: 'this.#chosen = this.#wallMs;',
  },
  {
    name: 'a node that drains is offered as a holder',
    file: `${DIRECTORY}/member.ts`,
    find: 'return view !== undefined && !draining && view.has(key) && !view.suppressions.has(key, now);',
    replace: 'return view !== undefined && (draining || view.has(key)) && !view.suppressions.has(key, now);',
  },
];

const MATCHING: readonly Mutant[] = [
  {
    name: 'a slot leaks when a splice ends',
    file: 'src/relay/matcher.ts',
    find: `  spliceEnded(now: number): Effect[] {
    this.#slots.release();`,
    replace: '  spliceEnded(now: number): Effect[] {',
  },
  {
    name: 'a slot leaks when a broker leaves an offer',
    file: 'src/relay/matcher.ts',
    find: `        this.#slots.release();
        this.#effects.push({ do: 'drop', connection: stage.park.connection, reason: 'brokerLeft' });`,
    replace:
      "        this.#effects.push({ do: 'drop', connection: stage.park.connection, reason: 'brokerLeft' });",
  },
  {
    name: 'a slot leaks when a forward comes to nothing',
    file: 'src/relay/matcher.ts',
    find: "    if (hold === 'slot') this.#slots.release();",
    replace: '',
  },
  {
    name: 'a slot is given back twice',
    file: 'src/relay/slots.ts',
    find: 'this.#used -= 1;',
    replace: 'this.#used -= 2;',
  },
  {
    name: 'one slot more than there are',
    file: 'src/relay/slots.ts',
    find: "return this.#used + (purpose === 'away' ? this.#expected : 0) < this.#capacity;",
    replace: "return this.#used + (purpose === 'away' ? this.#expected : 0) <= this.#capacity;",
  },
  {
    name: 'brokers that wait are not told of a new park',
    file: 'src/relay/matcher.ts',
    find: '    if (first) this.#seek(first, now);',
    replace: '    void first;',
  },
  {
    name: 'brokers that wait are not told of a new holder',
    file: 'src/relay/matcher.ts',
    find: 'for (const broker of this.#waitingRoom.of(infoHash)) this.#seek(broker, now);',
    replace: 'void [infoHash, now];',
  },
  {
    name: 'a bridge that a broker leaves out is offered to it',
    file: 'src/relay/lot.ts',
    find: 'return wanted && !choice.except.includes(instance);',
    replace: 'return wanted;',
  },
  {
    name: 'a broker is joined with any bridge where it wants one',
    file: 'src/relay/lot.ts',
    find: 'const wanted = choice.wanted === undefined || choice.wanted === instance;',
    replace: 'const wanted = true;',
  },
  {
    name: 'parks of all info_hashes are one group',
    file: 'src/relay/lot.ts',
    find: `    const group = this.#groups.get(infoHash);
    if (!group) return undefined;
    for (const [instance, parks] of group) {`,
    replace: `    const group = this.#groups.get(infoHash) && [...this.#groups.values()][0];
    if (!group) return undefined;
    for (const [instance, parks] of group) {`,
  },
  {
    name: 'a broker is sent over a node that it avoids',
    file: 'src/relay/matcher.ts',
    find: '        !broker.avoid.includes(holder.node) &&\n        !broker.tried',
    replace: '        !broker.tried',
  },
  {
    name: 'a holder that has nothing ends the search',
    file: 'src/relay/matcher.ts',
    find: 'broker.tried = [...broker.tried, broker.stage.holder.node];\n    broker.unreachable ||= !reached;\n    this.#seek(broker, now);',
    replace: "broker.unreachable ||= !reached;\n    this.#refuse(broker, 'noBridge');",
  },
];

const RELAYS: readonly Mutant[] = [
  {
    name: 'early bytes are dropped',
    file: 'src/relay/connection.ts',
    find: 'for (const chunk of this.#early.reverse()) stream.unshift(chunk);',
    replace: '',
  },
  {
    name: 'early bytes are passed on in the wrong order',
    file: 'src/relay/connection.ts',
    find: 'for (const chunk of this.#early.reverse()) stream.unshift(chunk);',
    replace: 'for (const chunk of this.#early) stream.unshift(chunk);',
  },
  {
    name: 'a proof of a broker passes for that of a bridge, and the other way round',
    file: 'src/relay/admission.ts',
    find: '{ infoHash, role: hello.role, wallMs, memory: policy.memory }',
    replace: "{ infoHash, role: hello.role === 'park' ? 'connect' : 'park', wallMs, memory: policy.memory }",
  },
  {
    name: 'a broker that leaves does not take its forward back',
    file: 'src/relay/neighbours.ts',
    find: 'this.#outgoing.get(effect.broker)?.cancel();',
    replace: '',
  },
  {
    name: 'a forward that is gone stays in line at the holder',
    file: 'src/relay/neighbours.ts',
    find: `    this.#incoming.delete(id);
    this.#options.feed((matcher, now) => matcher.left(id, now));
  }

  #notHere`,
    replace: `    this.#incoming.delete(id);
  }

  #notHere`,
  },
  {
    name: 'connections to the other nodes are not made anew',
    file: 'src/cluster/membership.ts',
    find: `      member.nextDialAt = Math.max(lived ? 0 : member.nextDialAt, now + pauseMs);`,
    replace: '      member.nextDialAt = lived ? Number.POSITIVE_INFINITY : now + pauseMs;',
  },
];

const CLIENTS: readonly Mutant[] = [
  {
    name: 'a tunnel that is due while its bridge leaves is looked at without end',
    file: 'src/broker/tunnel-keeper.ts',
    find: '!kept.retired && kept.tunnel.usable && !this.#replacements.has(kept)',
    replace: '!kept.retired && !this.#replacements.has(kept)',
  },
  {
    name: 'legs over one node count as disjoint',
    file: 'src/tunnel/leg-pairs.ts',
    find: '      if (shareHost(one.path, other.path)) continue;',
    replace:
      '      if (one.path.length === 1 && other.path.length === 1 && shareHost(one.path, other.path)) continue;',
  },
];

/** Faults of the session that the trials of the tunnel know, too; here they are to show in what clients read. */
const SESSION = new Set([
  'an acknowledgement says one byte too many',
  'a replay begins one byte behind what was acknowledged',
  'a move replays nothing',
  'bytes that overlap are not trimmed',
  'a chunk is forgotten with its first byte',
  'more is kept than a window',
  'CLOSE is not sent again',
  'a MAC is not checked',
  'a leg dies and nothing moves',
  'a session is given up with its last leg',
]);

const SESSIONS: readonly Mutant[] = TUNNEL_MUTANTS.filter(({ name }) => SESSION.has(name)).map((mutant) => ({
  ...mutant,
  name: `${mutant.name}, in a cluster`,
}));

export const SIM_MUTANTS: readonly Mutant[] = [
  ...DIRECTORIES,
  ...MATCHING,
  ...RELAYS,
  ...CLIENTS,
  ...SESSIONS,
];
