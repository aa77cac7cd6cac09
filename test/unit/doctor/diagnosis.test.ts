/** What is said of trials, made up here: each case that a person is to be told of in other words than the steps have. */
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { diagnose, type Trials } from '../../../src/doctor/diagnosis.ts';
import type { Failure, StepName, Trial } from '../../../src/doctor/types.ts';
import { madeUpTrial } from '../../support/doctor-scene.ts';

const failed = (step: StepName, code: ErrorCode, more: Partial<Failure> = {}): Failure => ({
  step,
  code,
  text: `it said ${code}`,
  ...more,
});

/** Relays and all their pairs; `fails` says which of them failed, `xy` for a broker at x and a bridge at y. */
function trialsOf(
  names: string,
  fails: Readonly<Record<string, Failure>>,
  more: Partial<Trials> = {},
): Trials {
  const all = [...names];
  const made = (broker: string, bridge: string): Trial => {
    const failure = fails[broker === bridge ? broker : broker + bridge];
    if (!failure) return madeUpTrial(broker, bridge);
    const { path: _path, parkedAt, ...rest } = madeUpTrial(broker, bridge, { failure });
    return failure.step === 'pair' && parkedAt ? { ...rest, parkedAt } : rest;
  };
  return {
    alone: all.map((name) => made(name, name)),
    pairs: all.flatMap((broker) =>
      all.flatMap((bridge): Trials['pairs'] => {
        if (broker === bridge) return [];
        const because = [broker, bridge].find((name) => fails[name]);
        return because === undefined ? [made(broker, bridge)] : [{ broker, bridge, because }];
      }),
    ),
    expectRefused: false,
    isListed: false,
    ...more,
  };
}

const of = (...args: Parameters<typeof trialsOf>) => diagnose(trialsOf(...args));
const TCP = failed('TCP', 'unreachable');
const LOST = failed('pair', 'noBridge', { end: 'broker' });

describe('relays', () => {
  it('that all work, with all their pairs, leave nothing to say', () => {
    expect(of('abc', {})).toEqual([]);
  });

  it('of which one is not reached: it is that one', () => {
    expect(of('abc', { b: TCP })).toMatchObject(
      [
        { severity: 'failure', about: ['b'], text: 'TCP: it said unreachable', remedy: /others are reached/ },
      ].map((finding) => ({ ...finding, remedy: expect.stringMatching(finding.remedy) })),
    );
  });

  it('of which none is reached: it is this machine, told once', () => {
    const findings = of('abc', { a: TCP, b: TCP, c: TCP });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      about: ['a', 'b', 'c'],
      remedy: expect.stringContaining('the way out of this machine'),
    });
  });

  it('of which one, or all, are not trusted', () => {
    const untrusted = failed('certificate', 'untrusted');
    expect(of('ab', { a: untrusted })[0]?.remedy).toContain('others are trusted');
    expect(of('ab', { a: untrusted, b: untrusted })[0]?.remedy).toContain('no relay is trusted');
    const named = failed('certificate', 'untrusted', { certifiedFor: 'DNS:x' });
    expect(of('ab', { a: named })[0]?.remedy).toMatch(/^it is for DNS:x; .*--server-name/);
  });

  it('at an address family that this machine has not, where the name has another', () => {
    const noRoute = failed('TCP', 'unreachable', { isNoRoute: true });
    const alone = [
      { ...madeUpTrial('r:443 (192.0.2.1)', 'r:443 (192.0.2.1)') },
      { ...madeUpTrial('r:443 (2001:db8::1)', 'r:443 (2001:db8::1)', { failure: noRoute }) },
    ];
    const more = { pairs: [], expectRefused: false, isListed: false };
    expect(diagnose({ alone, ...more })[0]).toMatchObject({
      severity: 'warning',
      about: ['r:443 (2001:db8::1)'],
    });
    expect(diagnose({ alone: alone.slice(1), ...more })[0]).toMatchObject({ severity: 'failure' });
  });

  it('with an allow list: what to do depends on whose CA it was', () => {
    const refused = { a: failed('park', 'notAllowed') };
    expect(of('a', refused)[0]?.remedy).toContain('beacon certs init --out doctor');
    expect(of('a', refused, { isListed: true })[0]?.remedy).toContain('put the info_hash of --ca-cert');
  });
});

describe('pairs', () => {
  it('of two nodes that do not know each other: one finding', () => {
    expect(of('ab', { ab: LOST, ba: LOST })).toEqual([
      {
        severity: 'failure',
        about: ['a', 'b'],
        text: 'node-a (a) does not know what is parked at node-b (b), and node-b (b) does not know what is parked at node-a (a)',
        remedy: expect.stringMatching(/^these nodes do not know each other: .*--cluster-secret-file.*7946/),
      },
    ]);
  });

  it('of one node that knows no other, where others do: one finding', () => {
    expect(of('abc', { ac: LOST, ca: LOST, bc: LOST, cb: LOST })).toMatchObject([
      {
        severity: 'failure',
        about: ['c'],
        text: 'node-c (c) works alone, and it and the other nodes do not know each other',
        remedy: expect.stringContaining('--cluster-secret-file'),
      },
    ]);
  });

  it('of nodes none of which knows another: each pair', () => {
    const all = Object.fromEntries(['ab', 'ba', 'ac', 'ca', 'bc', 'cb'].map((pair) => [pair, LOST]));
    expect(of('abc', all).map(({ about }) => about.join(''))).toEqual(['ab', 'ac', 'bc']);
  });

  it('in one direction only', () => {
    expect(of('ab', { ab: LOST })[0]).toMatchObject({
      text: 'node-a (a) does not know what is parked at node-b (b)',
      remedy: expect.stringContaining('in one direction only'),
    });
  });

  it('by a forward port that is closed', () => {
    expect(of('ab', { ab: failed('pair', 'holderUnreachable') })[0]).toMatchObject({
      text: 'node-a (a) knows and cannot reach node-b (b)',
      remedy: expect.stringContaining('7443'),
    });
  });

  it('for another reason', () => {
    expect(of('ab', { ab: failed('pair', 'timeout') })[0]).toMatchObject({
      text: 'a broker at node-a (a) and a bridge at node-b (b): pair: it said timeout',
      remedy: expect.stringContaining('beacon_slots_waiting'),
    });
  });
});

describe('what a person may take for tested', () => {
  it('is said of addresses that lead to one node, and of one address', () => {
    const at = { parkedAt: { node: 'x', zone: '' } };
    const alone = [madeUpTrial('a', 'a', at), madeUpTrial('b', 'b', at)];
    expect(diagnose({ ...trialsOf('ab', {}), alone })).toMatchObject([
      { severity: 'note', about: ['a', 'b'], text: expect.stringContaining('led to one node, x') },
    ]);
    expect(of('a', {})).toMatchObject([
      { severity: 'note', text: expect.stringContaining('met at one node') },
    ]);
  });

  it('is said loudly where refusals were expected', () => {
    const refused = failed('park', 'notAllowed');
    const expectRefused = { expectRefused: true, pairs: [] };
    expect(of('ab', { a: refused, b: refused }, expectRefused)).toMatchObject([
      { severity: 'warning', text: expect.stringMatching(/^NO PAIR WAS TRIED: 2 of 2 relays refused/) },
    ]);
    expect(of('ab', { a: refused, b: TCP }, expectRefused)).toMatchObject([
      { severity: 'failure', about: ['b'] },
      { severity: 'warning', text: expect.stringContaining('1 of 2') },
    ]);
    expect(of('ab', { a: refused }, expectRefused)).toMatchObject([
      { severity: 'failure', about: ['b'], text: expect.stringContaining('no allow list is in force') },
      { severity: 'warning' },
    ]);
  });

  it('comes after failures, and a certificate that expires soon in between', () => {
    const soon = madeUpTrial('a', 'a', {
      steps: [{ name: 'certificate', text: '3 days left', isWarning: true }],
    });
    const trials = trialsOf('ab', { ab: LOST, ba: LOST });
    const [, b] = trials.alone;
    const findings = diagnose({ ...trials, alone: [soon, ...(b ? [b] : [])] });
    expect(findings.map(({ severity, text }) => [severity, text.slice(0, 20)])).toEqual([
      ['failure', 'node-a (a) does not '],
      ['warning', 'certificate: 3 days '],
    ]);
  });
});
