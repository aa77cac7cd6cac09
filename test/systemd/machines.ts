/**
 * Small machines for a test: containers whose first process is systemd, in a network that leads nowhere else. What is in
 * them is a minimal Debian, made by debootstrap once for each engine; no image is pulled.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output } from '../../scripts/command.ts';
import { docker, hasImage, withoutDocker } from '../../scripts/image/docker.ts';

const IMAGE = 'beacon-test-machine:bookworm';
const PACKAGES = 'systemd,systemd-sysv,dbus,openssl,curl,ca-certificates,nftables';
/** RFC 5737: addresses for documentation, so that no network of this machine has them. */
const SUBNET = '192.0.2.0/24';
/** Where every machine sees the folder of the desk, and may only read it. */
export const DESK = '/mnt/desk';
/** What systemd must be able to do beyond what a container may. */
const RIGHTS = [
  '--cap-add=SYS_ADMIN',
  '--cap-add=SYS_PTRACE',
  '--cap-add=NET_ADMIN',
  '--security-opt=seccomp=unconfined',
];

/** Throws where no machine can be made, with what is missing. */
export function buildMachineImage(): void {
  const missing = withoutDocker();
  if (missing !== undefined) throw new Error(`NOTHING WAS TESTED: ${missing}`);
  if (hasImage(IMAGE)) return;
  const root = mkdtempSync(join(tmpdir(), 'beacon-machine-'));
  try {
    output('debootstrap', ['--variant=minbase', `--include=${PACKAGES}`, 'bookworm', root]);
    output('sh', ['-c', `tar --exclude=./var/cache/apt/archives -C ${root} -c . | docker import - ${IMAGE}`]);
  } finally {
    rmSync(root, { recursive: true });
  }
}

export interface Done {
  readonly code: number;
  /** What it printed to both outputs. */
  readonly text: string;
}

export class Machine {
  readonly name: string;
  readonly #container: string;

  constructor(name: string, container: string) {
    this.name = name;
    this.#container = container;
  }

  /** Runs `script` as root in its home; throws with what it said where it fails. */
  async run(script: string): Promise<string> {
    const { code, text } = await this.try(script);
    if (code === 0) return text;
    const { text: journal } = await this.try("journalctl --no-pager --lines 20 --unit 'beacon-*'");
    throw new Error(`${this.name}: ended with ${code}\n${script}\n${text}\n${journal}`);
  }

  async try(script: string): Promise<Done> {
    const args = ['exec', '-i', '-w', '/root', this.#container, 'bash', '-eu', '-o', 'pipefail', '-s'];
    const child = spawn('docker', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    child.stdin.end(script);
    const { promise, resolve } = Promise.withResolvers<Done>();
    child.on('close', (code) => resolve({ code: code ?? 1, text: text.trim() }));
    return promise;
  }

  /** Tries every quarter of a second until it succeeds; for what other processes bring about. The test's limit ends it. */
  async until(script: string): Promise<string> {
    return this.run(`until text=$(${script}); do sleep 0.25; done; echo "$text"`);
  }
}

export class Machines {
  readonly #network = `beacon-systemd-${process.pid}`;
  readonly #containers: string[] = [];
  readonly #desk: string;

  /** @param desk folder that all machines can read */
  constructor(desk: string) {
    this.#desk = desk;
    docker(['network', 'create', '--internal', '--subnet', SUBNET, this.#network]);
  }

  /** @param address last part of it */
  async start(name: string, address: number): Promise<Machine> {
    const container = `${this.#network}-${name}`;
    this.#containers.push(container);
    docker([
      ...['run', '--detach', '--name', container, '--hostname', name, ...RIGHTS],
      ...['--tmpfs', '/run', '--tmpfs', '/tmp', '--env', 'container=docker'],
      ...['--volume', '/sys/fs/cgroup:/sys/fs/cgroup:rw', '--volume', `${this.#desk}:${DESK}:ro`],
      ...['--network', this.#network, '--ip', SUBNET.replace(/0\/24$/, String(address))],
      ...['--network-alias', `${name}.example.com`, IMAGE, '/lib/systemd/systemd'],
    ]);
    const machine = new Machine(name, container);
    await machine.until('systemctl is-system-running');
    return machine;
  }

  /** Removes all that there was, and says what is left all the same. */
  remove(): string {
    spawnSync('docker', ['rm', '--force', '--volumes', ...this.#containers]);
    spawnSync('docker', ['network', 'rm', this.#network]);
    const filter = `name=${this.#network}`;
    return (
      docker(['ps', '--all', '--quiet', '--filter', filter]) +
      docker(['network', 'ls', '--quiet', '--filter', filter])
    );
  }
}
