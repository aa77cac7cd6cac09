/** Before the tests of docker-compose.yml: an engine that answers, and the images. Without an engine that is said, and fails. */
import type { TestProject } from 'vitest/node';
import { buildImage } from '../../../scripts/image/build.ts';
import { withoutDocker } from '../../../scripts/image/docker.ts';
import { findCompose } from './compose-command.ts';
import { haproxyImage, prometheusImage } from './stand-ins.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The variables of docker-compose.yml that name images. */
    images: Readonly<Record<string, string>>;
  }
}

export default function setup(project: TestProject): void {
  const missing = withoutDocker() ?? (findCompose() ? undefined : 'there is no docker compose');
  if (missing !== undefined)
    throw new Error(`NOTHING WAS TESTED: docker-compose.yml is tested by Docker: ${missing}`);
  project.provide('images', {
    BEACON_IMAGE: buildImage({ tag: process.env['BEACON_IMAGE'], base: process.env['NODE_IMAGE'] }),
    HAPROXY_IMAGE: haproxyImage(),
    PROMETHEUS_IMAGE: prometheusImage(),
  });
}
