/** Faults for the trials of the tunnel to find: each one breaks a promise of src/wire/TUNNEL.md. */
import type { Mutant } from './runner.ts';

const SESSION = 'src/tunnel/session';

/** What has come, and what is new of it. */
const RECEIVING: readonly Mutant[] = [
  {
    name: 'bytes that overlap are not trimmed',
    file: `${SESSION}/inbox.ts`,
    find: 'const fresh = bytes.subarray(this.#received - offset);',
    replace: 'const fresh = bytes;',
  },
  {
    name: 'what came before is delivered again',
    file: `${SESSION}/inbox.ts`,
    find: 'this.#again += bytes.length;\n      return OLD;',
    replace: "return { kind: 'new', bytes };",
  },
  {
    name: 'a gap is accepted',
    file: `${SESSION}/inbox.ts`,
    find: 'if (offset > this.#received) return this.#end === undefined ? GAP : this.#afterEnd();',
    replace: 'if (offset > this.#received) this.#received = offset;',
  },
  {
    name: 'CLOSE is taken before the bytes in front of it',
    file: `${SESSION}/inbox.ts`,
    find: 'if (this.#end === undefined && offset > this.#received) return GAP;',
    replace: '',
  },
  {
    name: 'CLOSE counts for nothing in what was received',
    file: `${SESSION}/inbox.ts`,
    find: 'this.#received = offset + 1;',
    replace: 'this.#received = offset;',
  },
  {
    name: 'the limit is not enforced on what comes',
    file: `${SESSION}/inbox.ts`,
    find: 'if (end > this.limit)',
    replace: 'if (end > Number.MAX_SAFE_INTEGER)',
  },
  {
    name: 'unread bytes count as read',
    file: 'src/tunnel/session-stream.ts',
    find: 'total: this.#delivered - unread',
    replace: 'total: this.#delivered + 0 * unread',
  },
  {
    name: 'an end is not passed on',
    file: 'src/tunnel/session-stream.ts',
    find: 'if (!this.destroyed) this.push(null);',
    replace: '',
  },
  {
    name: 'an acknowledgement says one byte too many',
    file: `${SESSION}/leg-state.ts`,
    find: "type: 'ack', offset: inbox.received,",
    replace: "type: 'ack', offset: inbox.received + 1,",
  },
  {
    name: 'an acknowledgement says one byte too few',
    file: `${SESSION}/leg-state.ts`,
    find: "type: 'ack', offset: inbox.received,",
    replace: "type: 'ack', offset: Math.max(0, inbox.received - 1),",
  },
];

/** What is kept, sent, and sent again. */
const SENDING: readonly Mutant[] = [
  {
    name: 'a replay begins one byte behind what was acknowledged',
    file: `${SESSION}/outbox.ts`,
    find: 'this.#sent = this.#acked;',
    replace: 'this.#sent = Math.min(this.#end, this.#acked + 1);',
  },
  {
    name: 'a replay begins in the wrong chunk',
    file: `${SESSION}/outbox.ts`,
    find: 'this.#sent = this.#acked;\n    this.#at = this.#head;',
    replace: 'this.#sent = this.#acked;',
  },
  {
    name: 'a move replays nothing',
    file: `${SESSION}/session.ts`,
    find: 'this.#sender.rewind();',
    replace: '',
  },
  {
    name: 'a chunk is forgotten with its first byte',
    file: `${SESSION}/outbox.ts`,
    find: 'endOf(chunk) <= offset',
    replace: 'chunk.start <= offset',
  },
  {
    name: 'the list of chunks is cut, the place in it is not',
    file: `${SESSION}/outbox.ts`,
    find: 'this.#at -= this.#head;',
    replace: '',
  },
  {
    name: 'the limit of the other end is not kept',
    file: `${SESSION}/sender.ts`,
    find: 'this.#outbox.take(out, DATA_BYTES, this.#limit)',
    replace: 'this.#outbox.take(out, DATA_BYTES, Number.MAX_SAFE_INTEGER)',
  },
  {
    name: 'more is kept than a window',
    file: `${SESSION}/sender.ts`,
    find: 'this.unacknowledged < this.#window && ',
    replace: '',
  },
  {
    name: 'CLOSE goes out before the last byte',
    file: `${SESSION}/sender.ts`,
    find: ' || this.#outbox.sent < this.#outbox.end) return;',
    replace: ') return;',
  },
  {
    name: 'CLOSE is not sent again',
    file: `${SESSION}/sender.ts`,
    find: 'this.#closeSent = false;',
    replace: '',
  },
  {
    name: 'CLOSE counts as acknowledged with the last byte',
    file: `${SESSION}/sender.ts`,
    find: 'this.#closeAcked = offset > this.#outbox.end;',
    replace: 'this.#closeAcked = offset >= this.#outbox.end;',
  },
];

/** Legs that come, go, and are not who they say. */
const LEGS: readonly Mutant[] = [
  {
    name: 'a MAC is not checked',
    file: `${SESSION}/attach.ts`,
    find: 'if (timingSafeEqual(attachMac(role, exchange, frame.offset), frame.mac)) return;',
    replace: 'if (timingSafeEqual(frame.mac, frame.mac)) return;',
  },
  {
    name: 'a MAC does not cover the offset',
    file: `${SESSION}/attach.ts`,
    find: '\n    .update(at)',
    replace: '',
  },
  {
    name: 'a MAC does not cover the nonce of the bridge',
    file: `${SESSION}/attach.ts`,
    find: '\n    .update(exchange.bridgeNonce)',
    replace: '',
  },
  {
    name: 'a MAC does not cover the nonce of the broker',
    file: `${SESSION}/attach.ts`,
    find: '\n    .update(exchange.brokerNonce)',
    replace: '',
  },
  {
    name: 'a MAC does not cover the role',
    file: `${SESSION}/attach.ts`,
    find: '\n    .update(ROLE_LABELS[role])',
    replace: '',
  },
  {
    name: 'a leg dies and nothing moves',
    file: `${SESSION}/session.ts`,
    find: "if (next) this.#activate(next, 'lost', now);",
    replace: '',
  },
  {
    name: 'a session is given up with its last leg',
    file: `${SESSION}/session.ts`,
    find: 'this.#danglingSince = now;',
    replace: 'this.#danglingSince = now - this.#limits.danglingMs;',
  },
  {
    name: 'a session takes any number of legs',
    file: `${SESSION}/session.ts`,
    find: 'this.#legs.size >= this.#limits.legs ? this.#legs.mostSilent() : undefined',
    replace: 'undefined as LegState | undefined',
  },
  {
    name: 'a session that was given up ends its stream cleanly',
    file: 'src/tunnel/session-stream.ts',
    find: 'if (!this.destroyed) this.destroy(effect.error);',
    replace: 'if (!this.destroyed) this.push(null);',
  },
  {
    name: 'ABORT is taken for an end',
    file: `${SESSION}/session.ts`,
    find: "return this.#fail(cut('the other end gave the tunnel up'));",
    replace: "return this.#effect({ do: 'ended' });",
  },
];

/** Frames, and the way to and from the legs. */
const FRAMES: readonly Mutant[] = [
  {
    name: 'what comes right behind a proof is lost',
    file: 'src/tunnel/session-stream.ts',
    find: 'leg.handler = this;',
    replace: 'queueMicrotask(() => (leg.handler = this));',
  },
  {
    name: 'bytes that come before the inner handshake is over are lost',
    file: 'src/tunnel/session-stream.ts',
    find: 'if (!this.destroyed) this.push(effect.bytes);',
    replace: 'if (!this.destroyed && this.#key) this.push(effect.bytes);',
  },
  {
    name: 'the second part of a DATA frame has the offset of the first',
    file: 'src/tunnel/frames.ts',
    find: 'this.#offset += bytes.length;',
    replace: '',
  },
  {
    name: 'a header in two parts is misread',
    file: 'src/tunnel/frames.ts',
    find: 'this.#keptBytes += copied;',
    replace: 'this.#keptBytes = copied;',
  },
  {
    name: 'CLOSE is read as an acknowledgement',
    file: 'src/tunnel/leg.ts',
    find: "this.handler.onFrame(this, { type: 'close', offset })",
    replace: "this.handler.onFrame(this, { type: 'ack', offset, limit: 0 })",
  },
  {
    name: 'what a leg is given while it is full is lost',
    file: 'src/tunnel/leg.ts',
    find: 'for (const piece of pieces) stream.write(piece);',
    replace: 'for (const piece of pieces) if (!stream.writableNeedDrain) stream.write(piece);',
  },
];

export const TUNNEL_MUTANTS: readonly Mutant[] = [...RECEIVING, ...SENDING, ...LEGS, ...FRAMES];
