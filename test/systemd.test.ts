/** The units in packaging/systemd: well formed, hardened, with times that fit; and what a real daemon tells systemd. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { STOP_GRACE_MS } from '../src/base/limits.ts';
import { until } from './support/leaks.ts';
import { missingForNotify, notifySocket } from './support/notify-socket.ts';
import { makePkiDirectory, startBeacon } from './support/processes.ts';

const UNITS = 'packaging/systemd';
const DAEMONS = ['relay', 'bridge', 'broker'] as const;
/** Of systemd-analyze security: 0 is no exposure, 10 all of it. */
const MOST_EXPOSURE = 2;
/** The drain of a relay before it cuts what is left. */
const DRAIN_MS = 60_000;

const withoutAnalyze = spawnSync('systemd-analyze', ['--version']).status !== 0;
const withoutNotify = missingForNotify();
if (withoutAnalyze)
  console.warn('NOT TESTED: the exposure of the systemd units, as systemd-analyze is not here');
if (withoutNotify) console.warn(`NOT TESTED: what a daemon tells systemd, as ${withoutNotify} is not here`);

const textOf = (daemon: string): string => readFileSync(join(UNITS, `beacon-${daemon}.service`), 'utf8');

/** Each setting of the unit, the last one where there are several. */
function settingsOf(daemon: string): ReadonlyMap<string, string> {
  const lines = textOf(daemon).matchAll(/^(\w+)=(.*)$/gm);
  return new Map([...lines].map(([, name = '', value = '']) => [name, value]));
}

describe.each(DAEMONS)('the unit of the %s', (daemon) => {
  it('lets it stop in its own time, and is told by it how it is', () => {
    const settings = settingsOf(daemon);
    const seconds = (name: string): number => Number(settings.get(name));
    expect(1_000 * seconds('TimeoutStopSec')).toBeGreaterThan(DRAIN_MS + STOP_GRACE_MS);
    expect(seconds('WatchdogSec')).toBeGreaterThan(0);
    expect([settings.get('Type'), settings.get('NotifyAccess')]).toEqual(['notify', 'all']);
    expect(settings.get('ExecReload')).toBe("/bin/sh -c 'kill -HUP $MAINPID'");
    expect(settings.get('EnvironmentFile')).toBe(`/etc/beacon/${daemon}.env`);
    expect(textOf(daemon)).toContain('Environment=MALLOC_ARENA_MAX=2');
    expect(seconds('LimitNOFILE')).toBeGreaterThan(8_192);
    // They are frozen at the start, so nothing could be read again.
    expect(textOf(daemon)).not.toMatch(/LoadCredential|SetCredential/);
  });

  it('gives no capability but that for a low port, and that to the relay only', () => {
    const settings = settingsOf(daemon);
    const given = daemon === 'relay' ? 'CAP_NET_BIND_SERVICE' : '';
    expect(settings.get('CapabilityBoundingSet')).toBe(given);
    expect(settings.get('AmbientCapabilities')).toBe(given);
  });

  it.skipIf(withoutAnalyze)(`has an exposure of ${MOST_EXPOSURE} at the most`, () => {
    const file = join(UNITS, `beacon-${daemon}.service`);
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
      encoding: 'utf8',
    });
    const [, exposure] = /exposure level for beacon-\w+\.service: ([\d.]+)/.exec(stdout) ?? [];
    expect(exposure, stdout).toBeDefined();
    expect(Number(exposure)).toBeLessThanOrEqual(MOST_EXPOSURE);
  });

  it.skipIf(withoutAnalyze)('is understood to the last line', () => {
    const directory = mkdtempSync(join(tmpdir(), 'beacon-test-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, `beacon-${daemon}.service`);
    // Beacon need not be installed where this runs.
    writeFileSync(file, textOf(daemon).replace(/^ExecStart=\S+/m, 'ExecStart=/bin/sh'));
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect(stderr.split('\n').filter((line) => line.includes('beacon'))).toEqual([]);
  });
});

it('there is a unit for each daemon, and the user that they run as', () => {
  expect(readdirSync(UNITS).toSorted()).toEqual(
    [...DAEMONS.map((daemon) => `beacon-${daemon}.service`), 'beacon.sysusers'].toSorted(),
  );
  expect(readFileSync(join(UNITS, 'beacon.sysusers'), 'utf8')).toMatch(/^u beacon /m);
  for (const daemon of DAEMONS) expect(settingsOf(daemon).get('User')).toBe('beacon');
});

it.skipIf(withoutNotify)(
  'a relay tells systemd that it serves, reads its files, lives, and stops',
  async () => {
    const files = await makePkiDirectory();
    onTestFinished(() => files.remove());
    const { path, messages } = await notifySocket();
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '3000000' };
    const relay = await startBeacon(files.relayArgs(), { env });
    onTestFinished(() => void relay.kill());
    const states = (): string[] => messages.map((message) => message.replace(/ .*/, ''));
    await until(() => states().includes('WATCHDOG=1'));
    expect(states()[0]).toBe('READY=1');
    void relay.kill('SIGHUP');
    await until(() => states().filter((state) => state === 'READY=1').length === 2);
    expect(states().filter((state) => state !== 'WATCHDOG=1')).toEqual(['READY=1', 'RELOADING=1', 'READY=1']);
    expect(messages.find((message) => message.startsWith('RELOADING=1'))).toMatch(/ MONOTONIC_USEC=\d+ /);
    // Stopped, it cannot say that it lives.
    void relay.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const stopped = messages.length;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(messages.length).toBe(stopped);
    void relay.kill('SIGCONT');
    expect((await relay.stop()).code).toBe(0);
    await until(() => states().includes('STOPPING=1'));
    expect(relay.lines.filter(({ msg }) => msg.includes('systemd'))).toEqual([]);
  },
);
