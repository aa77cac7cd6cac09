/** A part of a release. */
export interface Workshop {
  /** Where the finished files go, as an absolute path. */
  readonly out: string;
  /** A folder for what lies in between; it is removed afterwards. */
  readonly scratch: string;
  /** The date of every file, in seconds since 1970. */
  readonly seconds: number;
}

/** Makes one or more files in `out`. Throws where it cannot. */
export type Part = (workshop: Workshop) => Promise<void>;
