/** The first frames of a leg: NEW for a session that begins, ATTACH and its challenge for one that there is already. */
import { BeaconError } from '../base/errors.ts';
import { LEG_OPENING_MS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { encodeTunnelFrame, NONCE_BYTES, type TunnelFrame } from './frames.ts';
import { Leg, type LegOptions } from './leg.ts';
import { type AttachStep, BrokerAttach } from './session/attach.ts';
import type { SessionStream } from './session-stream.ts';

export interface OpeningOptions extends LegOptions {
  /** Gives up a leg that is not open yet. */
  readonly signal: AbortSignal;
}

/** The broker's first leg of a session. */
export function beginSession(stream: SessionStream, options: LegOptions): Leg {
  const leg = new Leg(options, stream);
  leg.write([encodeTunnelFrame({ type: 'new', session: stream.id })]);
  stream.attach(leg, 0, 0);
  return leg;
}

/**
 * The broker's further legs. Resolves when the leg carries the session. Rejects with `proofInvalid` when the other end could
 * not prove that it has the session, `timeout`, `malformed` or `closed`; the leg is reset then.
 */
export function attachLeg(
  stream: SessionStream,
  options: OpeningOptions & { readonly random: Random },
): Promise<Leg> {
  const { key } = stream;
  if (!key) {
    options.link.reset();
    return Promise.reject(new BeaconError('closed', 'the session takes no legs', { retry: true }));
  }
  const nonce = options.random.bytes(NONCE_BYTES);
  const attach = new BrokerAttach({ session: stream.id, key, nonce, standing: () => stream.standing });
  let isAttached = false;
  const { leg, opened } = openLeg(options, (each, frame) => {
    if (!carryOut(each, attach.take(frame), stream)) return false;
    // Asked now: a moment later the leg may have done all that there was to do.
    isAttached = stream.legs.includes(each);
    return true;
  });
  leg.write([encodeTunnelFrame(attach.first)]);
  return opened.then(() => {
    if (isAttached) return leg;
    throw new BeaconError('closed', 'the session ended before the leg was attached', { retry: true });
  });
}

/** Does what an end's attachment says. True: the leg carries the session now. */
export function carryOut(leg: Leg, step: AttachStep, stream: SessionStream | undefined): boolean {
  if (step.send) leg.write([encodeTunnelFrame(step.send)]);
  if (step.do === 'send') return false;
  if (stream) stream.attach(leg, step.offset, step.floor);
  else leg.reset();
  return true;
}

/**
 * Takes the link over and reads frames until `onFrame`, which may throw BeaconError, says that the leg has found its session
 * and a handler. `opened` rejects, and the leg is reset, when that is not so within LEG_OPENING_MS.
 */
export function openLeg(
  options: OpeningOptions,
  onFrame: (leg: Leg, frame: TunnelFrame) => boolean,
): { readonly leg: Leg; readonly opened: Promise<Leg> } {
  const { clock, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Leg>();
  const settle = (): void => {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  };
  const fail = (error: BeaconError): void => {
    settle();
    reject(error);
  };
  const giveUp = (error: BeaconError): void => {
    leg.reset();
    fail(error);
  };
  const onAbort = (): void => giveUp(new BeaconError('closed', 'stopped'));
  const timer = clock.after(LEG_OPENING_MS, () =>
    giveUp(
      new BeaconError('timeout', `a leg was not opened within ${LEG_OPENING_MS / 1_000} s`, { retry: true }),
    ),
  );
  const leg: Leg = new Leg(options, {
    onData: () => {
      throw new BeaconError('malformed', 'the other end sent bytes on a leg that has no session');
    },
    onFrame: (each, frame) => {
      if (!onFrame(each, frame)) return;
      settle();
      resolve(each);
    },
    onRead: () => {},
    onRoom: () => {},
    onLost: (_leg, _clean, error) =>
      giveUp(error ?? new BeaconError('closed', 'the leg ended before it was opened', { retry: true })),
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return { leg, opened: promise };
}
