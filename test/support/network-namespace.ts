/** Another host, as far as the network goes: a network namespace of Linux with a line to this one. Needs root and iproute2. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

export interface NetworkNamespace {
  /** Address of this host on that line, which processes in the namespace can reach. */
  readonly here: string;
  /** Runs a program of Node in it; resolves with what it prints. */
  node(program: string): Promise<string>;
  remove(): void;
}

/** The caller removes it. Undefined, with why on the screen, where this machine cannot have one. */
export function makeNamespace(): NetworkNamespace | undefined {
  const name = `beacon-${process.pid}`;
  // Of 198.18.0.0/15, which is for tests of networks (RFC 2544).
  const subnet = `198.18.${process.pid % 256}`;
  const outside = `bcn${process.pid}`;
  const remove = (): void => {
    try {
      execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
    } catch {
      // It is not there.
    }
  };
  try {
    for (const line of [
      `netns add ${name}`,
      `link add ${outside} type veth peer name inside netns ${name}`,
      `addr add ${subnet}.1/30 dev ${outside}`,
      `link set ${outside} up`,
      `-n ${name} addr add ${subnet}.2/30 dev inside`,
      `-n ${name} link set inside up`,
      `-n ${name} link set lo up`,
    ])
      execFileSync('ip', line.split(' '), { stdio: 'pipe' });
  } catch (error) {
    console.warn(`SKIPPED: this machine makes no network namespace: ${error}`);
    remove();
    return undefined;
  }
  return {
    here: `${subnet}.1`,
    node: async (program) => {
      const run = promisify(execFile);
      const { stdout } = await run('ip', ['netns', 'exec', name, process.execPath, '-e', program]);
      return stdout.trim();
    },
    remove,
  };
}
