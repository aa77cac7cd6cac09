/** What tests of docker-compose.yml ask of a project that is up. */
import { sum } from './metrics-text.ts';
import { type Project, RELAYS } from './project.ts';

/** Every file that setup made: owner, mode, and a hash of the content (`d` for a directory). */
export async function secrets(project: Project): Promise<Readonly<Record<string, string>>> {
  const script = `
    import { createHash } from 'node:crypto';
    import { readdirSync, readFileSync, statSync } from 'node:fs';
    const hash = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
    const facts = (file) => {
      const stat = statSync(file);
      return [stat.uid, (stat.mode & 0o777).toString(8), stat.isDirectory() ? 'd' : hash(file)].join(' ');
    };
    const files = readdirSync('/secrets', { recursive: true }).map((name) => '/secrets/' + name);
    console.log(JSON.stringify(Object.fromEntries(files.map((file) => [file, facts(file)]))));`;
  return JSON.parse(await runSetup(project, '65532:65532', script));
}

/** Runs a script of Node, as that user, where all secrets are; resolves with what it printed. */
export function runSetup(project: Project, user: string, script: string): Promise<string> {
  return project.compose(
    ...['run', '--rm', '--user', user, '--entrypoint', 'node --input-type=module --eval', 'setup', script],
  );
}

/** Whether each relay is joined to both others. */
export async function clusterIsWhole(project: Project): Promise<boolean> {
  const all = await Promise.all(RELAYS.map((relay) => project.status(relay)));
  return all.every(
    ({ members = [] }) =>
      members.length === 2 &&
      members.every(({ state, draining }) => state === 'connected' && draining === false),
  );
}

/** Whether the broker has a tunnel that no single relay can end. */
export async function isRedundant(project: Project): Promise<boolean> {
  const metrics = await project.metrics('broker');
  return sum(metrics, 'beacon_tunnels_by_redundancy', 'redundancy="disjoint"') > 0;
}

/**
 * The fingerprint of the certificate that a relay shows to a neighbour which says, as HAProxy does, whose connection it is;
 * or `closed`, where the relay hangs up before it shows one.
 */
export function servedBy(
  project: Project,
  relay: (typeof RELAYS)[number],
  { header }: { readonly header: boolean },
): Promise<string> {
  const script = `
    import { connect as connectTcp } from 'node:net';
    import { connect } from 'node:tls';
    const raw = connectTcp(8443, '${relay}');
    if (${header}) raw.write('PROXY TCP4 192.0.2.1 192.0.2.2 1000 8443\\r\\n');
    const socket = connect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['beacon/1'] });
    const say = (what) => { console.log(JSON.stringify(what)); process.exit(); };
    socket.on('error', () => say('closed')).on('close', () => say('closed'));
    socket.on('secureConnect', () => say(socket.getPeerX509Certificate().fingerprint256));`;
  return project.evaluate(RELAYS.find((other) => other !== relay) ?? relay, script);
}

/** Milliseconds from when the relay's certificate was written to when it says that it has read it, by the machine's one clock. */
export async function tookOverAfterMs(project: Project, relay: (typeof RELAYS)[number]): Promise<number> {
  const written = await project.evaluate<number>(
    relay,
    `import { statSync } from 'node:fs'; console.log(statSync('/secrets/relay.crt').mtimeMs)`,
  );
  const lines = (await project.logs(relay)).map((line) => JSON.parse(line) as { time: string; msg: string });
  const line = lines.findLast(({ msg }) => msg === 'the certificate of --tls-cert was read again');
  return Date.parse(line?.time ?? '') - written;
}
