/** Rare branches that the seeds of a longer run reach together. A run names those that it never reached, and those that are not listed here. */
export const SOMETIMES: readonly string[] = [];
