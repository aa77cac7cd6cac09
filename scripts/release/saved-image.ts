/** The image, as an archive that `docker load` reads. It is called beacon:VERSION there, or $BEACON_IMAGE. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../command.ts';
import { buildImage } from '../image/build.ts';
import { docker } from '../image/docker.ts';
import { gzip, tar } from './archive.ts';
import type { Part } from './part.ts';
import { VERSION } from './source.ts';

interface Manifest {
  readonly Config: string;
  readonly Layers: readonly string[];
}

/** Of the configuration of an image, what is of the build and not of the image. */
interface Config {
  readonly created: string;
  readonly history: readonly object[];
  readonly architecture: string;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly container?: string;
  readonly container_config?: object;
  readonly docker_version?: string;
}

export const savedImage: Part = async ({ out, scratch, seconds }) => {
  const saved = join(scratch, 'image-saved');
  const archive = join(scratch, 'image.tar');
  mkdirSync(saved);
  // An image of the final name that this machine has may be in use.
  const name = buildImage({ tag: `beacon:release-${process.pid}`, base: process.env['NODE_IMAGE'] });
  try {
    docker(['save', '--output', archive, name]);
  } finally {
    docker(['image', 'rm', '--no-prune', name]);
  }
  output('tar', ['-xf', archive, '-C', saved]);
  rmSync(archive);
  const { names, architecture } = withoutTheDay(saved, seconds);
  tar(saved, names, archive, seconds);
  await gzip(createReadStream(archive), join(out, `beacon-${VERSION}-image-linux-${architecture}.tar.gz`));
};

/**
 * The builders of Docker note the time of day and the containers they built in. Without these, and with layers named by what
 * they hold, the image has the same id whenever it is built from the same base.
 */
function withoutTheDay(
  directory: string,
  seconds: number,
): { readonly names: readonly string[]; readonly architecture: string } {
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
  const [manifest] = JSON.parse(read('manifest.json')) as readonly Manifest[];
  if (!manifest) throw new Error('docker save wrote an archive without an image');
  const { container, container_config, docker_version, ...config }: Config = JSON.parse(
    read(manifest.Config),
  );
  const created = new Date(seconds * 1_000).toISOString();
  const history = config.history.map((entry) => ({ ...entry, created }));
  const text = JSON.stringify({ ...config, created, history });
  const configName = `${createHash('sha256').update(text).digest('hex')}.json`;
  const layers = config.rootfs.diff_ids.map((id) => `${id.replace('sha256:', '')}.tar`);
  writeFileSync(join(directory, configName), text);
  for (const [at, layer] of manifest.Layers.entries()) {
    const target = layers[at];
    if (target === undefined) throw new Error('docker save wrote more layers than the image has');
    renameSync(join(directory, layer), join(directory, target));
  }
  writeFileSync(
    join(directory, 'manifest.json'),
    JSON.stringify([
      { Config: configName, RepoTags: [process.env['BEACON_IMAGE'] || `beacon:${VERSION}`], Layers: layers },
    ]),
  );
  return { names: ['manifest.json', configName, ...layers], architecture: config.architecture };
}
