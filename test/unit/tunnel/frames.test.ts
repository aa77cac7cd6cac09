/** Tunnel frames: bytes as PROTOCOL.md lays them out, any split, everything that is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemCode } from '../../../src/base/errors.ts';
import { TUNNEL_FRAME_BYTES } from '../../../src/base/limits.ts';
import {
  closeFrame,
  DATA_BYTES,
  dataHeader,
  TUNNEL_VERSION,
  TunnelFrameDecoder,
} from '../../../src/tunnel/frames.ts';

const SEED = 20_261_120;
const VERSION = Buffer.of(TUNNEL_VERSION);

type Event = readonly ['data', number, string] | readonly ['close', number];

/** What a decoder says of `chunks`, neighbouring DATA joined: how payload is cut up is not part of the contract. */
function decode(chunks: readonly Buffer[]): { events: Event[]; code: string | undefined } {
  const events: Event[] = [];
  const decoder = new TunnelFrameDecoder({
    onData: (offset, bytes) => {
      const last = events.at(-1);
      const text = bytes.toString('latin1');
      if (last?.[0] === 'data' && last[1] + last[2].length === offset) {
        events[events.length - 1] = ['data', last[1], last[2] + text];
      } else events.push(['data', offset, text]);
    },
    onClose: (offset) => events.push(['close', offset]),
  });
  try {
    for (const chunk of chunks) decoder.push(chunk);
    return { events, code: undefined };
  } catch (error) {
    return { events, code: systemCode(error) };
  }
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe('tunnel frames', () => {
  it('have the layout of PROTOCOL.md', () => {
    expect(dataHeader(0x0102030405, 16).toString('hex')).toBe('0100001800000001 02030405'.replace(' ', ''));
    expect(closeFrame(7).toString('hex')).toBe('020000080000000000000007');
  });

  it('carry at most what a frame may hold', () => {
    expect(DATA_BYTES).toBe(TUNNEL_FRAME_BYTES - 12);
    const most = Buffer.concat([VERSION, dataHeader(0, DATA_BYTES), Buffer.alloc(DATA_BYTES, 1)]);
    expect(decode([most]).events[0]?.[2]).toHaveLength(DATA_BYTES);
    expect(decode([VERSION, dataHeader(0, DATA_BYTES + 1)]).code).toBe('malformed');
  });

  it('come out of the decoder the same, however they are cut', () => {
    const payload = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.array(payload, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (parts, cuts) => {
          let offset = 0;
          const frames: Buffer[] = [VERSION];
          for (const part of parts) {
            frames.push(dataHeader(offset, part.length), part);
            offset += part.length;
          }
          frames.push(closeFrame(offset));
          const { events, code } = decode(split(Buffer.concat(frames), cuts));
          expect(code).toBeUndefined();
          expect(events.at(-1)).toEqual(['close', offset]);
          const text = Buffer.concat(parts).toString('latin1');
          expect(events.slice(0, -1)).toEqual(text === '' ? [] : [['data', 0, text]]);
        },
      ),
      { seed: SEED, numRuns: 3_000 },
    );
  });

  it('say the same of every single split of a whole exchange', () => {
    const bytes = Buffer.concat([
      VERSION,
      dataHeader(0, 5),
      Buffer.from('hello'),
      dataHeader(5, 3),
      Buffer.from('you'),
      closeFrame(8),
    ]);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual({
        events: [
          ['data', 0, 'helloyou'],
          ['close', 8],
        ],
        code: undefined,
      });
    }
  });

  it.each([
    ['another version', [Buffer.of(TUNNEL_VERSION + 1)], 'unsupportedVersion'],
    ['version 0', [Buffer.of(0)], 'unsupportedVersion'],
    ['an unknown type', [VERSION, Buffer.from('030000080000000000000000', 'hex')], 'malformed'],
    ['a length without an offset', [VERSION, Buffer.from('010000070000000000000000', 'hex')], 'malformed'],
    ['the largest length there is', [VERSION, Buffer.from('01ffffff0000000000000000', 'hex')], 'malformed'],
    ['an offset over 2^53', [VERSION, Buffer.from('010000090020000000000000', 'hex')], 'malformed'],
    ['a CLOSE with a payload', [VERSION, Buffer.from('020000090000000000000000', 'hex')], 'malformed'],
  ])('refuse %s', (_what, chunks, code) => {
    expect(decode(chunks)).toEqual({ events: [], code });
  });

  it('never make the decoder throw anything but those two codes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.array(fc.nat(), { maxLength: 10 }), (bytes, cuts) => {
        const { code } = decode([VERSION, ...split(Buffer.from(bytes), cuts)]);
        expect([undefined, 'malformed']).toContain(code);
      }),
      { seed: SEED, numRuns: 5_000 },
    );
  });
});
