/** Before the tests of the image: an engine that answers. Without one that is said, and fails. */
import { withoutDocker } from '../../scripts/image/docker.ts';

export default function setup(): void {
  const missing = withoutDocker();
  if (missing !== undefined) throw new Error(`NOTHING WAS TESTED: the image is tested by Docker: ${missing}`);
}
