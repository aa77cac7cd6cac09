/**
 * The images of others that docker-compose.yml names, or, where they cannot be fetched, images of the same programs as
 * this machine has them: so that it is the compose file which is tested.
 */
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../../../scripts/command.ts';
import { isAvailable } from '../../../scripts/image/docker.ts';
import { addProgram, buildLocalImage } from '../../../scripts/image/local-image.ts';

/** Debian has daemons there, where not everybody's PATH looks. */
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };

export function haproxyImage(): string {
  const name = defaultOf('HAPROXY_IMAGE');
  if (isAvailable(name)) return name;
  return buildLocalImage(`beacon-haproxy-stand-in:${versionOf('haproxy', '-v')}`, [], (root) =>
    addProgram(root, pathOf('haproxy'), 'usr/local/sbin/haproxy'),
  );
}

export function prometheusImage(): string {
  const name = defaultOf('PROMETHEUS_IMAGE');
  if (isAvailable(name)) return name;
  const tag = `beacon-prometheus-stand-in:${versionOf('prometheus', '--version')}`;
  return buildLocalImage(tag, ['ENTRYPOINT ["/bin/prometheus"]', 'USER 65534:65534'], (root) => {
    for (const program of ['prometheus', 'promtool']) addProgram(root, pathOf(program), `bin/${program}`);
    // A fresh volume takes over the mode of what it covers.
    mkdirSync(join(root, 'prometheus'));
    chmodSync(join(root, 'prometheus'), 0o1777);
  });
}

/** `${NAME:-image}` in docker-compose.yml. */
function defaultOf(variable: string): string {
  const [, image] = readFileSync('docker-compose.yml', 'utf8').match(`\\{${variable}:-([^}]+)\\}`) ?? [];
  if (image === undefined) throw new Error(`docker-compose.yml has no default for ${variable}`);
  return process.env[variable] ?? image;
}

function pathOf(program: string): string {
  return output('which', [program], { env });
}

function versionOf(program: string, flag: string): string {
  return output(program, [flag], { env }).match(/version (\d+\.\d+\.\d+)/)?.[1] ?? 'unknown';
}
