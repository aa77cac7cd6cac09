/** Whether a series of samples stays where it is: the line of least squares through it, and what lies around that. Pure. */

export interface Sample {
  readonly seconds: number;
  readonly value: number;
}

export interface Line {
  readonly samples: number;
  /** Of the value, a second. */
  readonly slope: number;
  /** At the first sample, and at the last. */
  readonly from: number;
  readonly to: number;
  /** Standard deviation of the samples around the line. */
  readonly noise: number;
}

/** Of samples around a line that are further away from it than this many standard deviations there are three in a thousand. */
const NOISE_WIDTH = 3;

/** NaN all over for fewer than three samples. */
export function regression(samples: readonly Sample[]): Line {
  const count = samples.length;
  const [first, last] = [samples[0], samples.at(-1)];
  if (count < 3 || !first || !last)
    return { samples: count, slope: Number.NaN, from: Number.NaN, to: Number.NaN, noise: Number.NaN };
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const x = mean(({ seconds }) => seconds);
  const y = mean(({ value }) => value);
  const spread = mean(({ seconds }) => (seconds - x) ** 2);
  const slope = spread === 0 ? 0 : mean(({ seconds, value }) => (seconds - x) * (value - y)) / spread;
  const at = (seconds: number): number => y + slope * (seconds - x);
  const noise = Math.sqrt(mean(({ seconds, value }) => (value - at(seconds)) ** 2));
  return { samples: count, slope, from: at(first.seconds), to: at(last.seconds), noise };
}

/**
 * Whether the rise of `line` from its beginning to its end is no more than what the samples scatter by, or than `grain`: what
 * is too little to tell, whatever the scatter. What falls is flat.
 */
export function isFlat({ from, to, noise }: Line, grain: number): boolean {
  return to - from <= Math.max(grain, NOISE_WIDTH * noise);
}
