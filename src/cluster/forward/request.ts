/** A request as a frame, and back. */
import { infoHashBytes, infoHashFromBytes } from '../../base/info-hash.ts';
import { FORWARD_VERSION, type Forward } from '../../wire/forward-frames.ts';
import type { ForwardRequest } from './types.ts';

export function requestFrame(request: ForwardRequest): Forward {
  const { infoHash, pairId, hops, origin, wanted, except, timeLeftMs } = request;
  return {
    type: 'forward',
    version: FORWARD_VERSION,
    infoHash: infoHashBytes(infoHash),
    pairId: Buffer.from(pairId, 'hex'),
    hops,
    origin,
    wanted: wanted === undefined ? undefined : Buffer.from(wanted, 'hex'),
    except: except.map((instance) => Buffer.from(instance, 'hex')),
    // A deadline that has just passed, or a part of a millisecond, is no reason to fail.
    timeLeftMs: Math.max(0, Math.ceil(timeLeftMs)),
  };
}

export function requestOf(frame: Forward): ForwardRequest {
  const { infoHash, pairId, hops, origin, wanted, except, timeLeftMs } = frame;
  return {
    infoHash: infoHashFromBytes(infoHash),
    pairId: pairId.toString('hex'),
    origin,
    hops,
    wanted: wanted?.toString('hex'),
    except: except.map((instance) => instance.toString('hex')),
    timeLeftMs,
  };
}
