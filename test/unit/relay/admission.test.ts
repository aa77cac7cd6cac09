import { describe, expect, it } from 'vitest';
import { infoHashBytes, parseInfoHash } from '../../../src/base/info-hash.ts';
import { ProofMemory } from '../../../src/pki/proof-memory.ts';
import { type AdmissionPolicy, admit } from '../../../src/relay/admission.ts';
import type { Role } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';

const pki = makePki();
const CHAINS = {
  bridge: [pki.bridge.der, pki.bridgeCa.der],
  broker: [pki.broker.der, pki.bridgeCa.der],
  none: [],
} as const;
const wallMs = pki.bridge.notBeforeMs + 1_000;
const open = (): AdmissionPolicy => ({ allowUnproven: false, allowed: undefined, memory: new ProofMemory() });
const OTHER = parseInfoHash('ab'.repeat(32));

function judge(
  role: Role,
  chain: keyof typeof CHAINS,
  policy: Partial<AdmissionPolicy> = {},
  hash = pki.infoHash,
) {
  const hello = {
    type: 'hello',
    version: 1,
    role,
    infoHash: infoHashBytes(hash),
    instance: Buffer.alloc(16),
    software: '',
    wanted: undefined,
    except: [],
    avoid: [],
  } as const;
  return admit(hello, CHAINS[chain], { ...open(), ...policy }, wallMs);
}

const admitted = (proven: boolean) => ({ admitted: true, infoHash: pki.infoHash, proven });
const refused = (code: string, text: RegExp) => ({
  admitted: false,
  code,
  text: expect.stringMatching(text),
});

describe('admit', () => {
  it.each([
    ['park', 'bridge'],
    ['connect', 'broker'],
  ] as const)('lets a client in to %s that proves it as a %s', (role, chain) => {
    expect(judge(role, chain)).toEqual(admitted(true));
  });

  it.each([
    ['park', 'broker', /bridge\.beacon\.internal/],
    ['connect', 'bridge', /broker\.beacon\.internal/],
  ] as const)('refuses to %s with the certificate of a %s', (role, chain, text) => {
    expect(judge(role, chain)).toEqual(refused('proofInvalid', text));
    expect(judge(role, chain, { allowUnproven: true })).toEqual(refused('proofInvalid', text));
  });

  it.each(['park', 'connect'] as const)('asks who wants to %s without a certificate for it', (role) => {
    expect(judge(role, 'none')).toEqual(refused('proofRequired', /present the client certificate/));
  });

  it('lets brokers in without a proof where that is allowed, and bridges never', () => {
    expect(judge('connect', 'none', { allowUnproven: true })).toEqual(admitted(false));
    expect(judge('park', 'none', { allowUnproven: true })).toEqual(refused('proofRequired', /./));
  });

  it('refuses a good chain under an info_hash that is not its own', () => {
    const text = /compare 'beacon info-hash' on both sides/;
    expect(judge('park', 'bridge', {}, OTHER)).toEqual(refused('proofInvalid', text));
  });

  it('refuses a chain whose dates are over, by the time that it is given', () => {
    const hello = { role: 'park', infoHash: infoHashBytes(pki.infoHash) } as Parameters<typeof admit>[0];
    const late = pki.bridge.notAfterMs + 1_000;
    expect(admit(hello, CHAINS.bridge, open(), late)).toEqual(refused('proofInvalid', /expired|valid/));
  });

  it('remembers good chains', () => {
    const policy = open();
    const hello = { role: 'park', infoHash: infoHashBytes(pki.infoHash) } as Parameters<typeof admit>[0];
    for (let time = 0; time < 3; time += 1) {
      expect(admit(hello, CHAINS.bridge, policy, wallMs)).toEqual(admitted(true));
    }
    expect(policy.memory.size).toBe(1);
  });

  it('serves whom the list names', () => {
    const allowed = new Set([pki.infoHash]);
    expect(judge('park', 'bridge', { allowed })).toEqual(admitted(true));
    expect(judge('connect', 'none', { allowed, allowUnproven: true })).toEqual(admitted(false));
  });

  it.each([
    ['another', [OTHER]],
    ['none', []],
  ])('refuses those that are not listed where %s is', (_name, list) => {
    const allowed = new Set(list);
    expect(judge('park', 'bridge', { allowed })).toEqual(refused('notAllowed', /ask its operator/));
    expect(judge('connect', 'broker', { allowed })).toEqual(refused('notAllowed', /ask its operator/));
  });

  it('does not tell a stranger without a proof who is listed', () => {
    for (const allowed of [new Set([pki.infoHash]), new Set([OTHER])]) {
      expect(judge('connect', 'none', { allowed })).toEqual(refused('proofRequired', /./));
      expect(judge('connect', 'bridge', { allowed })).toEqual(refused('proofInvalid', /./));
    }
  });
});
