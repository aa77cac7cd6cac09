/**
 * What the name of a node tells: the part before the first dot names the host it runs on. `host-1.a` and `host-1.b` are
 * two nodes of one machine and die together; a name without a dot is a host of its own, and so is a pod's. Names are
 * compared byte by byte, as in HELLO.
 */

/** The host of `node`. */
export function hostOf(node: string): string {
  const dot = node.indexOf('.');
  // A name that begins with a dot names no host: it stands for itself.
  return dot > 0 ? node.slice(0, dot) : node;
}

/** The hosts of `nodes`, each once. */
export function hostsOf(nodes: readonly string[]): Set<string> {
  return new Set(nodes.map(hostOf));
}

/** Whether one host's death would take both paths. */
export function shareHost(one: readonly string[], other: readonly string[]): boolean {
  const hosts = hostsOf(one);
  return other.some((node) => hosts.has(hostOf(node)));
}
