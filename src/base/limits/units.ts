/** Factors of limits. Times are in milliseconds, sizes in bytes, unless the name of a limit says otherwise. */
export const SECOND = 1_000;
export const KIB = 1_024;
export const MIB = 1_024 * KIB;
