/** What a daemon shows of itself once it runs. */
import type { Drainable } from '../base/drain.ts';
import type { FileStatus } from '../base/file-watch.ts';
import type { Status } from './status.ts';

/** One that is no {@link Drainable} has nothing to hand over: stopping it does no harm to anybody who is not its own. */
export interface AdminSubject extends Partial<Drainable> {
  /** What it is and knows, for people; without what every daemon says. With a `trouble` where somebody should look. */
  status(): Status;
  /** What became of the files that it reads again. */
  readonly files: readonly FileStatus[];
}
