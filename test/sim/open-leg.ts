/** The first frames of a leg in a run, as src/tunnel/open-leg.ts has them over a socket. */
import { BeaconError } from '../../src/base/errors.ts';
import { LEG_OPENING_MS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import { encodeTunnelFrame, NONCE_BYTES, type TunnelFrame } from '../../src/tunnel/frames.ts';
import { type AttachStep, BrokerAttach } from '../../src/tunnel/session/attach.ts';
import { SimLeg, type SimLegOptions } from './leg.ts';
import type { SimSession } from './session.ts';

export interface OpeningOptions extends SimLegOptions {
  /** Gives up a leg that is not open yet. */
  readonly signal: AbortSignal;
}

/** How the opening of a leg ends; one of the two, once. */
export interface OpeningHandler {
  onOpened(leg: SimLeg): void;
  onFailed(error: BeaconError): void;
}

/** The broker's first leg of a session. */
export function beginSession(session: SimSession, options: SimLegOptions): SimLeg {
  const leg = new SimLeg(options, session);
  leg.write([encodeTunnelFrame({ type: 'new', session: session.id })]);
  session.attach(leg, 0, 0);
  return leg;
}

/** What the broker's further legs begin with; undefined: the session takes none. */
export function newAttach(session: SimSession, random: Random): BrokerAttach | undefined {
  const { id, key } = session;
  const nonce = random.bytes(NONCE_BYTES);
  return key && new BrokerAttach({ session: id, key, nonce, standing: () => session.standing });
}

/** The broker's further legs. @param isSaid the first frame of `attach` went out right behind HELLO. */
export function attachLeg(
  session: SimSession,
  options: OpeningOptions,
  attach: BrokerAttach,
  isSaid: boolean,
  handler: OpeningHandler,
): void {
  const leg = openLeg(options, (each, frame) => carryOut(each, attach.take(frame), session), {
    onFailed: handler.onFailed,
    onOpened(each) {
      if (session.legs.includes(each)) return handler.onOpened(each);
      handler.onFailed(
        new BeaconError('closed', 'the session ended before the leg was attached', { retry: true }),
      );
    },
  });
  if (!isSaid) leg.write([encodeTunnelFrame(attach.first)]);
}

/** Does what an end's attachment says. True: the leg carries the session now. */
export function carryOut(leg: SimLeg, step: AttachStep, session: SimSession | undefined): boolean {
  if (step.send) leg.write([encodeTunnelFrame(step.send)]);
  if (step.do === 'send') return false;
  if (session) session.attach(leg, step.offset, step.floor);
  else leg.reset();
  return true;
}

/** Reads frames until `onFrame`, which may throw BeaconError, says that the leg has found its session and a handler. */
export function openLeg(
  options: OpeningOptions,
  onFrame: (leg: SimLeg, frame: TunnelFrame) => boolean,
  handler: OpeningHandler,
): SimLeg {
  const { clock, signal } = options;
  const settle = (): void => {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  };
  const giveUp = (error: BeaconError): void => {
    leg.reset();
    settle();
    handler.onFailed(error);
  };
  const onAbort = (): void => giveUp(new BeaconError('closed', 'stopped'));
  const timer = clock.after(LEG_OPENING_MS, () =>
    giveUp(new BeaconError('timeout', 'a leg was not opened in time', { retry: true })),
  );
  const leg: SimLeg = new SimLeg(options, {
    onData() {
      throw new BeaconError('malformed', 'the other end sent bytes on a leg that has no session');
    },
    onFrame(each, frame) {
      if (!onFrame(each, frame)) return;
      settle();
      handler.onOpened(each);
    },
    onRead() {},
    onRoom() {},
    onLost: (_leg, _clean, error) =>
      giveUp(error ?? new BeaconError('closed', 'the leg ended before it was opened', { retry: true })),
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return leg;
}
