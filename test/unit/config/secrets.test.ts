/** No error repeats a secret that somebody put where it does not belong. */
import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { BeaconError, messageOf } from '../../../src/base/errors.ts';
import { type Flags, resolveSettings } from '../../../src/config/resolve.ts';
import { COMMANDS, settingsOf } from '../../../src/config/settings.ts';

const PASSWORD = 'hunter2';
const KEY = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const KEY_BODY = KEY.split('\n')[1] as string;
const MACHINE = { hostname: 'node-1', stderrIsTty: false };
const REQUIRED: Flags = {
  beaconAddress: 'relay',
  vaultAddr: 'https://store',
  tlsCert: 'c',
  tlsKey: 'k',
  tlsCa: 'ca',
};

/** Every flag and variable, each with a value that its own parser is not likely to take. */
const CASES = COMMANDS.flatMap((command) =>
  settingsOf(command).flatMap(({ name, flag, env }) =>
    [
      `http://user:${PASSWORD}@proxy.example:3128/path`,
      `user:${PASSWORD}@proxy.example`,
      `name=tcp://user:${PASSWORD}@db.example:5432`,
      `${PASSWORD}@`,
      KEY,
      KEY.replaceAll('\n', ' '),
    ].flatMap((value) => [
      { command, at: flag, flags: { [name]: value } as Flags, variables: {} },
      { command, at: env, flags: {}, variables: { [env]: value } },
    ]),
  ),
);

it(`holds for all ${CASES.length} cases`, () => {
  let refused = 0;
  for (const { command, at, flags, variables } of CASES) {
    const table = settingsOf(command);
    const isNeeded = (name: string): boolean =>
      table.some((setting) => setting.name === name && !(setting.env in variables));
    const needed = Object.fromEntries(Object.entries(REQUIRED).filter(([name]) => isNeeded(name)));
    try {
      resolveSettings(command, { ...needed, ...flags }, variables, MACHINE);
    } catch (error) {
      refused += 1;
      expect(error).toBeInstanceOf(BeaconError);
      const said = messageOf(error);
      expect(said, `${command} ${at}`).not.toContain(PASSWORD);
      expect(said, `${command} ${at}`).not.toContain(KEY_BODY.slice(0, 16));
    }
  }
  expect(refused).toBeGreaterThan(CASES.length / 2);
});
