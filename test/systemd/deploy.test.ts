/**
 * docs/deploy.md, to the letter: each of its blocks is run on machines with systemd. The units are what is shown here; what
 * relays do when they die is shown elsewhere.
 */
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npm, output } from '../../scripts/command.ts';
import { buildMachineImage, DESK, type Machine, Machines } from './machines.ts';

const RELAYS = ['relay-1', 'relay-2', 'relay-3'] as const;
const FIRST_RELAY_ADDRESS = 11;
const TOKEN = 'a-token-of-this-test';
const RUNTIME = '/opt/beacon-*/lib/node';

/** The block of docs/deploy.md that is marked with `name`. */
function block(name: string): string {
  const text = readFileSync('docs/deploy.md', 'utf8');
  const found = new RegExp(`^\`\`\`sh ${name}\\n(.*?)^\`\`\``, 'ms').exec(text)?.[1];
  if (found === undefined) throw new Error(`docs/deploy.md has no block "sh ${name}"`);
  return found;
}

const desk = mkdtempSync(join(tmpdir(), 'beacon-desk-'));
let machines: Machines;
let relays: readonly Machine[];
let bridge: Machine;
let broker: Machine;

/** Takes `files` of the desk into the folder in which the block is run. */
function take(...files: readonly string[]): string {
  return `cp ${files.map((file) => `${DESK}/${file}`).join(' ')} .\n`;
}

async function installRelay(relay: Machine, index: number): Promise<void> {
  const own = block('relay').replace('NAME=relay-1 ZONE=zone-1', `NAME=${relay.name} ZONE=zone-${index + 1}`);
  await relay.run(take('*.tar.gz', 'relay/relay.*', 'allowed', 'cluster.secret') + own);
}

async function installBridge(): Promise<void> {
  const files = ['*.tar.gz', 'certs/bridge.*', 'certs/bridge-ca.crt', 'relay/relay-ca.crt', 'store-ca.crt'];
  await bridge.run(take(...files, 'store/relay.*', 'store.ts') + block('bridge'));
  await bridge.run(`
    echo ${TOKEN} > token
    LD_LIBRARY_PATH=$(echo ${RUNTIME}/lib) setsid ${RUNTIME}/bin/node store.ts relay.crt relay.key token 127.0.0.1:8200 &> store.log &
  `);
}

beforeAll(async () => {
  buildMachineImage();
  npm(['run', 'release', '--', '--out', join(desk, 'release'), '--only', 'runtime']);
  for (const archive of globSync(join(desk, 'release/*.tar.gz')))
    cpSync(archive, join(desk, basename(archive)));
  output('bash', ['-euc', block('desk')], { cwd: desk });
  const beacon = globSync(join(desk, 'beacon-*/bin/beacon'))[0] ?? '';
  output(beacon, ['certs', 'relay', '--host', '127.0.0.1', '--out', 'store'], { cwd: desk });
  cpSync(join(desk, 'store/relay-ca.crt'), join(desk, 'store-ca.crt'));
  cpSync('scripts/demo/store.ts', join(desk, 'store.ts'));
  machines = new Machines(desk);
  relays = await Promise.all(RELAYS.map((name, index) => machines.start(name, FIRST_RELAY_ADDRESS + index)));
  [bridge, broker] = [await machines.start('bridge', 21), await machines.start('broker', 22)];
});

afterAll(() => {
  const left = machines?.remove();
  rmSync(desk, { recursive: true });
  expect(left).toBe('');
});

const READ = `TOKEN=${TOKEN}\n${block('check')
  .split('\n')
  .find((line) => line.startsWith('curl'))}`;

describe('docs/deploy.md', () => {
  it('makes three relays that know each other', async () => {
    await Promise.all(relays.map(installRelay));
    for (const relay of relays)
      await relay.until(
        'curl --silent 127.0.0.1:8080/metrics | grep \'^beacon_cluster_members{state="connected"} 2\'',
      );
  });

  it('makes a bridge and a broker that a workload reads a secret through', async () => {
    await installBridge();
    const files = ['*.tar.gz', 'certs/broker.*', 'certs/bridge-ca.crt', 'relay/relay-ca.crt'];
    await broker.run(take(...files) + block('broker'));
    const write = `curl --fail --silent --header "X-Vault-Token: ${TOKEN}" --data '{"data":{"word":"relayed"}}'`;
    await broker.until(`${write} http://127.0.0.1:8199/v1/secret/data/demo`);
    expect(await broker.run(READ)).toContain('"word":"relayed"');
    expect(await broker.until('beacon status | grep disjoint')).toContain('disjoint');
  });

  it('has a firewall that lets clients and relays in, and nobody else', async () => {
    const [first, second] = relays as [Machine, Machine];
    await first.run(block('firewall of a relay'));
    const open = (port: number) => `timeout 2 bash -c '< /dev/tcp/192.0.2.${FIRST_RELAY_ADDRESS}/${port}'`;
    for (const port of [443, 7946, 7443]) await second.run(open(port));
    await broker.run(open(443));
    for (const port of [22, 7946, 7443, 8080])
      expect((await broker.try(open(port))).code, String(port)).toBe(124);
    expect((await second.try(open(8080))).code).toBe(124);
    await first.run('nft delete table inet beacon');
    await broker.run(open(8080));
  });
});

describe('the units', () => {
  it.each(['relay', 'bridge', 'broker'])(
    'that of the %s is as closed as it says, while it runs',
    async (daemon) => {
      const machine = { relay: relays[0], bridge, broker }[daemon] as Machine;
      const text = await machine.run(`systemd-analyze security --no-pager beacon-${daemon} | tail -1`);
      expect(Number(/: (\d\.\d)/.exec(text)?.[1])).toBeLessThanOrEqual(2);
      expect(await machine.run(`systemctl show -p StatusText beacon-${daemon}`)).toBe('StatusText=Serving');
    },
  );

  it('restart relays one after the other, and no request fails', async () => {
    await broker.run(`
      TOKEN=${TOKEN}
      cat > load.sh <<'END'
      while ! [ -e stop ]; do
        if ${block('check')
          .split('\n')
          .find((line) => line.startsWith('curl'))} > answer; then echo ok; else echo failed; fi
      done
END
      TOKEN=$TOKEN setsid bash load.sh > load.log 2>&1 &
    `);
    for (const relay of relays) {
      await relay.run('systemctl restart beacon-relay');
      await relay.until(
        'curl --silent 127.0.0.1:8080/metrics | grep \'^beacon_cluster_members{state="connected"} 2\'',
      );
      await broker.until('beacon status | grep disjoint');
      expect(
        await relay.run('journalctl -u beacon-relay --no-pager | grep -c "Deactivated successfully"'),
      ).toBe('1');
    }
    await broker.run('touch stop; while pgrep -f load.sh; do sleep 0.1; done || true');
    const log = await broker.run('sort load.log | uniq -c');
    expect(log).toMatch(/^\d+ ok$/);
    expect(Number.parseInt(log, 10)).toBeGreaterThan(100);
  });

  it('reload a certificate', async () => {
    output(
      'bash',
      [
        '-euc',
        'PATH=$PWD/$(ls -d beacon-*/bin):$PATH; beacon certs relay --host relay-1.example.com --ca relay --out renewed',
      ],
      {
        cwd: desk,
      },
    );
    const [relay] = relays as [Machine];
    await relay.run(
      `install -m 0640 -o root -g beacon ${DESK}/renewed/relay.crt ${DESK}/renewed/relay.key /etc/beacon/ && systemctl reload beacon-relay`,
    );
    expect(await relay.until('journalctl -u beacon-relay --no-pager | grep "was read again"')).toContain(
      '--tls-cert',
    );
    const served =
      'openssl s_client -connect 127.0.0.1:443 -servername relay-1.example.com < /dev/null 2> /dev/null || true';
    const serial = 'openssl x509 -noout -serial';
    expect(await relay.run(`(${served}) | ${serial}`)).toBe(
      await relay.run(`${serial} -in ${DESK}/renewed/relay.crt`),
    );
  });

  it('kill a relay that hangs, and start it again', async () => {
    const [, relay] = relays as [Machine, Machine];
    await relay.run(`
      mkdir /etc/systemd/system/beacon-relay.service.d
      printf '[Service]\\nWatchdogSec=3\\n' > /etc/systemd/system/beacon-relay.service.d/test.conf
      systemctl daemon-reload && systemctl restart beacon-relay
      systemctl kill --signal=STOP beacon-relay
    `);
    await relay.until('journalctl -u beacon-relay --no-pager | grep "Watchdog timeout"');
    await relay.until('systemctl is-active beacon-relay');
    await relay.until(
      'curl --silent 127.0.0.1:8080/metrics | grep \'^beacon_cluster_members{state="connected"} 2\'',
    );
  });

  it('carry a secret where broker and bridge are on different relays', async () => {
    const block = (addresses: string) =>
      `nft add table ip away; nft add chain ip away output '{ type filter hook output priority 0; }'; nft add rule ip away output ip daddr '{ ${addresses} }' tcp dport 443 drop`;
    await bridge.run(`${block('192.0.2.12, 192.0.2.13')}; systemctl restart beacon-bridge`);
    await broker.run(`${block('192.0.2.11')}; systemctl restart beacon-broker`);
    expect(await broker.until("beacon status --json | grep -E 'relay-[23] > relay-1'")).toContain('relay-1');
    expect(await broker.run(READ)).toContain('"word":"relayed"');
  });
});
