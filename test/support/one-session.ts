/** One session whose other end is the test: what it says, frame by frame, and what it is told. */
import { TUNNEL_VERSION, type TunnelFrame, TunnelFrameDecoder } from '../../src/tunnel/frames.ts';
import { Session } from '../../src/tunnel/session/session.ts';
import type {
  LegId,
  SessionEffect,
  SessionInput,
  SessionLimits,
  SessionRole,
} from '../../src/tunnel/session/types.ts';

export class OneSession {
  readonly session: Session;
  now = 0;
  /** All effects so far, DATA left out. */
  readonly effects: string[] = [];
  delivered = Buffer.alloc(0);

  /** With leg 1, established. */
  constructor(role: SessionRole = 'broker', limits: Partial<SessionLimits> = {}) {
    this.session = new Session(role, 0, limits);
    this.attach(1);
    this.step({ on: 'established' });
    this.said(1);
  }

  step(input: SessionInput): readonly SessionEffect[] {
    const effects = this.session.step(input, this.now);
    for (const effect of effects) {
      if (effect.do === 'deliver') this.delivered = Buffer.concat([this.delivered, effect.bytes]);
      else this.effects.push(spell(effect));
    }
    return effects;
  }

  attach(leg: LegId, offset = 0, floor = 0): void {
    this.step({ on: 'attach', leg, offset, floor });
  }

  frame(leg: LegId, frame: TunnelFrame): void {
    this.step({ on: 'frame', leg, frame });
  }

  data(leg: LegId, offset: number, bytes: string | Buffer): void {
    this.step({ on: 'data', leg, offset, bytes: Buffer.from(bytes) });
  }

  write(bytes: string | Buffer): void {
    this.step({ on: 'write', bytes: Buffer.from(bytes) });
  }

  /** Lets time pass, and tells the session of each of its deadlines. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let at = this.session.deadline(); at !== undefined && at <= until; at = this.session.deadline()) {
      this.now = Math.max(this.now, at);
      this.step({ on: 'tick' });
    }
    this.now = until;
  }

  /** The same, while the other end answers each PROBE on `legs` at once. */
  passAlive(ms: number, legs: readonly LegId[]): void {
    const until = this.now + ms;
    while (this.now < until) {
      this.pass(Math.min(50, until - this.now));
      for (const leg of legs) this.answer(leg);
    }
  }

  /** Answers what waits on `leg`, if it is a PROBE; drops everything else. */
  answer(leg: LegId): void {
    for (const said of this.said(leg)) {
      const [, token] = /^probe (\d+)$/.exec(said) ?? [];
      if (token !== undefined) this.frame(leg, { type: 'echo', token: BigInt(token) });
    }
  }

  /** What it writes on `leg` now. */
  said(leg: LegId, budget = 1_000_000): string[] {
    const said: string[] = [];
    const data = { offset: 0, bytes: '' };
    const flush = (): void => {
      if (data.bytes !== '') said.push(`data ${data.offset} ${data.bytes}`);
      data.bytes = '';
    };
    const push = (text: string): void => {
      flush();
      said.push(text);
    };
    const decoder = new TunnelFrameDecoder({
      onData: (offset, bytes) => {
        if (data.bytes === '') data.offset = offset;
        data.bytes += bytes.length > 20 ? `(${bytes.length})` : bytes.toString();
      },
      onClose: (offset) => push(`close ${offset}`),
      onFrame: (frame) => push(spellFrame(frame)),
    });
    decoder.push(Buffer.of(TUNNEL_VERSION));
    for (const piece of this.session.next(leg, budget, this.now)) decoder.push(piece);
    flush();
    return said;
  }

  /** Effects since the last time, DATA left out. */
  took(): string[] {
    return this.effects.splice(0);
  }
}

function spellFrame(frame: TunnelFrame): string {
  switch (frame.type) {
    case 'ack':
      return `ack ${frame.offset} ${frame.limit}`;
    case 'probe':
    case 'echo':
      return `${frame.type} ${frame.token}`;
    case 'leave':
      return `leave ${frame.node}`;
    case 'abort':
    case 'new':
    case 'attach':
    case 'challenge':
    case 'prove':
    case 'close':
      return frame.type;
  }
}

function spell(effect: SessionEffect): string {
  switch (effect.do) {
    case 'drop':
      return `drop ${effect.leg} ${effect.reason}`;
    case 'suspect':
      return `suspect ${effect.leg}`;
    case 'move':
      return `move ${effect.to} ${effect.why}`;
    case 'resumed':
      return `resumed ${effect.waitedMs}`;
    case 'leave':
      return `leave ${effect.node}`;
    case 'fail':
      return `fail ${effect.error.code}: ${effect.error.message}`;
    case 'deliver':
    case 'ended':
    case 'room':
    case 'dangling':
    case 'done':
    case 'over':
      return effect.do;
  }
}

/** Two legs with a round trip of 10 ms and of 20 ms; the first is active. */
export function twoLegs(role: 'broker' | 'bridge' = 'broker'): OneSession {
  const one = new OneSession(role);
  one.now = 10;
  one.frame(1, { type: 'echo', token: 1n });
  one.attach(2);
  one.said(2);
  one.now = 30;
  one.frame(2, { type: 'echo', token: 1n });
  one.took();
  return one;
}
