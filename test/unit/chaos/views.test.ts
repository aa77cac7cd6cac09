/** What relays say of themselves, as checkers get to see it. */
import { describe, expect, it } from 'vitest';
import type { Look } from '../../chaos/observer.ts';
import { parksOfBridges, viewsOf } from '../../chaos/views.ts';

const BEGAN = 1_000_000;

/** A look at `name`, which holds `own` adverts and knows `others`, each with incarnation and adverts. */
function look(
  ms: number,
  name: string,
  incarnation: number,
  own: number,
  others: Readonly<Record<string, readonly [number, number]>> = {},
): Look {
  const members = Object.entries(others).map(([node, [since, entries]]) => ({
    node,
    incarnation: since,
    entries,
  }));
  const directoryEntries = members.reduce((sum, { entries }) => sum + entries, own);
  return { name, ms: BEGAN + ms, status: { incarnation, directoryEntries, members }, metrics: [] };
}

function directories(looks: readonly Look[]) {
  return viewsOf(looks, BEGAN).filter((event) => event.what === 'directory');
}

describe('what relays say', () => {
  it('makes numbered parks of the adverts that each holds', () => {
    const looks = [look(0, 'relay-0', 7, 2), look(1_000, 'relay-0', 7, 1), look(2_000, 'relay-0', 7, 2)];
    const parks = viewsOf(looks, BEGAN).filter(({ what }) => what === 'parked' || what === 'unparked');
    expect(parks).toMatchObject([
      { what: 'parked', park: 1, infoHash: 'advert-1', node: 'relay-0', ms: 0 },
      { what: 'parked', park: 2, infoHash: 'advert-2', ms: 0 },
      { what: 'unparked', park: 2, ms: 1_000 },
      { what: 'parked', park: 3, infoHash: 'advert-2', ms: 2_000 },
    ]);
  });

  it('makes a directory of members and holders', () => {
    const looks = [
      look(0, 'relay-1', 8, 1),
      look(500, 'relay-0', 7, 2, { 'relay-1': [8, 1] }),
      look(1_000, 'relay-1', 8, 1),
    ];
    expect(directories(looks)[1]).toEqual({
      ...{ what: 'directory', node: 'relay-0', ms: 500, members: { 'relay-0': 7, 'relay-1': 8 } },
      holders: { 'advert-1': ['relay-0', 'relay-1'], 'advert-2': ['relay-0'] },
    });
  });

  it('tells what is wrong where the other relay has been steady', () => {
    const looks = [
      look(0, 'relay-1', 8, 2),
      look(500, 'relay-0', 7, 0, { 'relay-1': [8, 1] }),
      look(1_000, 'relay-1', 8, 2),
    ];
    expect(directories(looks)[1]?.holders).toEqual({ 'advert-1': ['relay-1'] });
  });

  it('blames nobody while the other relay changes, starts anew, or does not answer', () => {
    const wrong = look(500, 'relay-0', 7, 0, { 'relay-1': [8, 1] });
    for (const after of [[look(1_000, 'relay-1', 8, 1)], [look(1_000, 'relay-1', 9, 2)], []])
      expect(directories([look(0, 'relay-1', 8, 2), wrong, ...after])[1]?.holders).toEqual({
        'advert-1': ['relay-1'],
        'advert-2': ['relay-1'],
      });
  });

  it('keeps a stale incarnation, which a checker is to see', () => {
    expect(directories([look(500, 'relay-0', 7, 0, { 'relay-1': [3, 0] })])[0]?.members).toEqual({
      'relay-0': 7,
      'relay-1': 3,
    });
  });
});

it('takes from bridges where they are parked', () => {
  const at = (ms: number, ...hosts: readonly string[]): Look => ({
    ...{ name: 'bridge-0', ms: BEGAN + ms, metrics: [] },
    status: { parks: hosts.map((host) => ({ host, parked: 1 })) },
  });
  const events = parksOfBridges(
    [at(0, 'relay-0', 'relay-1'), at(1_000, 'relay-1'), at(2_000, 'relay-1')],
    BEGAN,
  );
  expect(events).toMatchObject([
    { what: 'parked', park: 1, bridge: 'bridge-0', node: 'relay-0', ms: 0 },
    { what: 'parked', park: 2, node: 'relay-1', ms: 0 },
    { what: 'unparked', park: 1, ms: 1_000 },
  ]);
});
