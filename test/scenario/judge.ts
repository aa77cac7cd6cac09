/** All checkers on one run. */
import type { Checker, Violation } from './checker.ts';
import { checkBase } from './checkers/base.ts';
import { checkComplete } from './checkers/complete.ts';
import { checkDirectory } from './checkers/directory.ts';
import { checkIncarnations } from './checkers/incarnations.ts';
import { checkLimits } from './checkers/limits.ts';
import { checkPairing } from './checkers/pairing.ts';
import { checkParking } from './checkers/parking.ts';
import { checkRedundancy } from './checkers/redundancy.ts';
import { checkRightBridge } from './checkers/right-bridge.ts';
import { checkStreams } from './checkers/streams.ts';
import { checkSurvival } from './checkers/survival.ts';

export const CHECKERS: readonly Checker[] = [
  checkStreams,
  checkSurvival,
  checkRightBridge,
  checkPairing,
  checkParking,
  checkRedundancy,
  checkDirectory,
  checkIncarnations,
  checkLimits,
  checkBase,
  checkComplete,
];

/** What they find, in the order in which it happened. */
export const judge: Checker = (history, scenario): readonly Violation[] =>
  CHECKERS.flatMap((check) => check(history, scenario)).sort((one, other) => one.ms - other.ms);
