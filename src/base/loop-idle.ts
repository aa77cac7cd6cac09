/** Milliseconds since the start in which the event loop had nothing to do. */
export function loopIdleMs(): number {
  return performance.eventLoopUtilization().idle;
}
