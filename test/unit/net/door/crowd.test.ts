import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Crowd, type CrowdMember } from '../../../../src/net/door/crowd.ts';

const SEED = 4_042;

describe('whom it would close', () => {
  const none = (): boolean => false;

  it('nobody where nobody is', () => {
    const crowd = new Crowd<string>(none, 0);
    expect(crowd.heaviest()).toBeUndefined();
    crowd.remove(crowd.add('a', 'a1'));
    expect(crowd.heaviest()).toBeUndefined();
    expect(crowd.sources).toBe(0);
  });

  it('the oldest of the source that has the most', () => {
    const crowd = new Crowd<string>(none, 0);
    crowd.add('a', 'a1');
    const first = crowd.add('b', 'b1');
    crowd.add('b', 'b2');
    expect(crowd.heaviest()).toBe('b1');
    crowd.remove(first);
    expect(crowd.heaviest()).toBe('a1');
  });

  it('of sources with as many, the one whose number has stood for the longest', () => {
    const crowd = new Crowd<string>(none, 0);
    const a = crowd.add('a', 'a1');
    crowd.add('b', 'b1');
    crowd.add('a', 'a2');
    crowd.remove(a);
    expect(crowd.heaviest()).toBe('b1');
  });

  it('one that is spared, only where the others have less', () => {
    const crowd = new Crowd<string>((source) => source === 'spared', 2);
    for (let at = 1; at <= 3; at += 1) crowd.add('spared', `spared${at}`);
    crowd.add('b', 'b1');
    expect(crowd.heaviest()).toBe('b1');
    crowd.add('spared', 'spared4');
    expect(crowd.heaviest()).toBe('spared1');
    crowd.add('b', 'b2');
    expect(crowd.heaviest()).toBe('b1');
  });

  it('one that has come to be spared goes last', () => {
    const spared = new Set<string>();
    const crowd = new Crowd<string>((source) => spared.has(source), 64);
    crowd.add('a', 'a1');
    crowd.add('a', 'a2');
    crowd.add('b', 'b1');
    spared.add('a');
    crowd.review('a');
    crowd.review('unknown');
    expect(crowd.heaviest()).toBe('b1');
  });
});

it('any arrivals and leaves: it finds what a search finds', () => {
  const step = fc.record({ source: fc.nat(5), leaves: fc.boolean(), which: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const crowd = new Crowd<string>((source) => source === '0', 2);
      const members: { source: string; one: string; member: CrowdMember<string> }[] = [];
      for (const [at, { source, leaves, which }] of steps.entries()) {
        const name = `${source}`;
        if (!leaves) members.push({ source: name, one: `${at}`, member: crowd.add(name, `${at}`) });
        else {
          const [gone] = members.splice(which % Math.max(1, members.length), 1);
          if (gone) crowd.remove(gone.member);
        }
        const weight = (source: string): number => {
          const count = members.filter((other) => other.source === source).length;
          return source === '0' ? Math.max(1, count - 2) : count + 0.5;
        };
        const most = Math.max(0, ...members.map((other) => weight(other.source)));
        const oldest = members.find((other) => other.one === crowd.heaviest());
        expect(oldest ? weight(oldest.source) : 0).toBe(most);
        expect(members.find((other) => other.source === oldest?.source)).toBe(oldest);
        expect(crowd.size).toBe(members.length);
        expect(crowd.sources).toBe(new Set(members.map((other) => other.source)).size);
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});
