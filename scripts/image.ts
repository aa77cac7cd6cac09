/**
 * Builds the image of beacon: `npm run image -- [options]`.
 *
 *   --tag NAME      Its name; beacon:VERSION and $BEACON_IMAGE otherwise.
 *   --base NAME     The base of both stages, for example of a registry of your own; $NODE_IMAGE otherwise.
 *   --local-base    Makes the base from the Node, npm and libraries of this machine. So it is done as well where no base is
 *                   named and the engine can neither find nor fetch the one of the Dockerfile.
 *   --no-cache      Takes nothing from earlier builds.
 *
 * SOURCE_DATE_EPOCH (seconds since 1970; the date of the newest commit otherwise) is the date of every file in it.
 * npm's registry and CA file are handed to the build stage; docs/release.md tells more. Prints the image's name and size.
 */
import { parseArgs } from 'node:util';
import { buildImage } from './image/build.ts';
import { docker, withoutDocker } from './image/docker.ts';

const { values: options } = parseArgs({
  options: {
    tag: { type: 'string' },
    base: { type: 'string' },
    'local-base': { type: 'boolean', default: false },
    'no-cache': { type: 'boolean', default: false },
  },
});

const missing = withoutDocker();
if (missing !== undefined) {
  console.error(`image: nothing was built: ${missing}`);
  process.exitCode = 1;
} else {
  const name = buildImage({
    tag: options.tag ?? process.env['BEACON_IMAGE'],
    base: options.base ?? process.env['NODE_IMAGE'],
    localBase: options['local-base'],
    cache: !options['no-cache'],
  });
  const bytes = Number(docker(['image', 'inspect', '--format', '{{.Size}}', name]));
  console.log(`${name}: ${(bytes / 1e6).toFixed(0)} MB`);
}
