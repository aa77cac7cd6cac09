/** Sources for clients of a relay: every address of 127.0.0.0/8 is one of its own, with a rate limit of its own. */

/** 127.0.0.0/16 is left to those who come without choosing. */
let last = 0x7f010000;

/** An address that this process has not used before. */
export function nextSource(): string {
  last += 1;
  // No client comes from an address that ends in 0 or 255.
  while ((last & 0xff) === 0 || (last & 0xff) === 0xff) last += 1;
  return [24, 16, 8, 0].map((bits) => (last >>> bits) & 0xff).join('.');
}
