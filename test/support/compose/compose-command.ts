/** `docker compose`, or the older `docker-compose`. */
import { spawnSync } from 'node:child_process';

/** Words of the command; undefined where the machine has neither. BEACON_COMPOSE names another one. */
export function findCompose(): readonly string[] | undefined {
  const given = process.env['BEACON_COMPOSE'];
  const known = given ? [given.split(' ')] : [['docker', 'compose'], ['docker-compose']];
  return known.find(
    ([command = '', ...args]) => spawnSync(command, [...args, 'version'], { stdio: 'ignore' }).status === 0,
  );
}
