import { execFile } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../../src/base/version.ts';

interface Ended {
  readonly code: number | string | null | undefined;
  readonly out: string;
  readonly error: string;
}

function beacon(...argv: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/bin/beacon.ts', ...argv], { timeout: 15_000 }, (failure, out, error) => {
      resolve({ code: failure ? failure.code : 0, out, error });
    });
  });
}

describe('the beacon process', () => {
  it('prints its version and ends with 0', async () => {
    expect(await beacon('--version')).toEqual({ code: 0, out: `${VERSION}\n`, error: '' });
  });

  it('ends with 2 and one line on a mistake', async () => {
    const { code, out, error } = await beacon('relay', '--tls-crt', 'x');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toBe(
      "beacon: unknown option '--tls-crt'; did you mean --tls-cert? See 'beacon relay --help'.\n",
    );
  });
});
