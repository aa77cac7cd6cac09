/** The one date in what is released. */
import { spawnSync } from 'node:child_process';

/** Seconds since 1970: SOURCE_DATE_EPOCH, or the date of the newest commit, or 0 where there is neither. */
export function sourceDate(env: NodeJS.ProcessEnv = process.env): number {
  const given = env['SOURCE_DATE_EPOCH'];
  if (given) {
    if (!/^\d{1,11}$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH is not a number of seconds: ${given}`);
    return Number(given);
  }
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' });
  return status === 0 ? Number(stdout.trim()) : 0;
}
