import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Chain, type ChainLink } from '../../../../src/net/door/chain.ts';

const SEED = 4_041;

it('does what a Set does, for any adds and removals', () => {
  const step = fc.oneof(
    fc.constant({ do: 'add' as const }),
    fc.constant({ do: 'shift' as const }),
    fc.record({ do: fc.constant('remove' as const), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const chain = new Chain<number>();
      const links: ChainLink<number>[] = [];
      for (const [at, one] of steps.entries()) {
        if (one.do === 'add') links.push(chain.add(at));
        else if (one.do === 'shift') expect(chain.shift()).toBe(links.shift()?.value);
        else {
          const [link] = links.splice(one.at % Math.max(1, links.length), 1);
          if (link) chain.remove(link);
        }
        const values: number[] = [];
        for (let link = chain.first; link; link = link.next) values.push(link.value);
        expect(values).toEqual(links.map(({ value }) => value));
        expect(chain.size).toBe(links.length);
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});
