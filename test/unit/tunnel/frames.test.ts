/** Tunnel frames: bytes as TUNNEL.md lays them out, any split, everything that is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemCode } from '../../../src/base/errors.ts';
import { TUNNEL_FRAME_BYTES } from '../../../src/base/limits.ts';
import {
  closeFrame,
  DATA_BYTES,
  dataHeader,
  encodeTunnelFrame,
  TUNNEL_LAYOUTS,
  TUNNEL_VERSION,
  type TunnelFrame,
  TunnelFrameDecoder,
} from '../../../src/tunnel/frames.ts';
import { GOLDEN_DATA, goldenTunnelBytes, TUNNEL_GOLDEN } from '../../support/golden-tunnel-frames.ts';

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
  it('have the layout of TUNNEL.md', () => {
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

/** What a decoder of a session says of `chunks`, DATA as one text. */
function decodeAll(chunks: readonly Buffer[]): {
  frames: TunnelFrame[];
  data: string;
  code: string | undefined;
} {
  const frames: TunnelFrame[] = [];
  let data = '';
  const decoder = new TunnelFrameDecoder({
    onData: (offset, bytes) => {
      data += `${data === '' ? offset : ''}${bytes.toString('latin1')}`;
    },
    onClose: (offset) => frames.push({ type: 'close', offset }),
    onFrame: (frame) => frames.push(frame),
  });
  try {
    for (const chunk of chunks) decoder.push(chunk);
    return { frames, data, code: undefined };
  } catch (error) {
    return { frames, data, code: systemCode(error) };
  }
}

describe('frames of a session', () => {
  const goldens = Object.values(TUNNEL_GOLDEN);

  it.each(goldens)('are the golden bytes: $frame.type', (golden) => {
    const bytes = goldenTunnelBytes(golden);
    expect(encodeTunnelFrame(golden.frame)).toEqual(bytes);
    expect(decodeAll([VERSION, bytes])).toEqual({ frames: [golden.frame], data: '', code: undefined });
  });

  it('are the golden bytes: data', () => {
    const { offset, bytes } = GOLDEN_DATA;
    const whole = Buffer.concat([dataHeader(offset, bytes.length), bytes]);
    expect(whole).toEqual(goldenTunnelBytes(GOLDEN_DATA));
    expect(decodeAll([VERSION, whole]).data).toBe('5hello');
  });

  it('say the same however they are cut, frames of unknown types among them', () => {
    const unknown = Buffer.from('9900000301020300', 'hex').subarray(0, 7);
    const empty = Buffer.from('ff000000', 'hex');
    const bytes = Buffer.concat([
      VERSION,
      empty,
      ...goldens.flatMap((golden) => [goldenTunnelBytes(golden), unknown, empty]),
      goldenTunnelBytes(GOLDEN_DATA),
    ]);
    const expected = { frames: goldens.map(({ frame }) => frame), data: '5hello', code: undefined };
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(decodeAll([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected);
    }
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 60 }), (cuts) => {
        expect(decodeAll(split(bytes, cuts))).toEqual(expected);
      }),
      { seed: SEED, numRuns: 500 },
    );
    expect(decodeAll([...bytes].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  it.each(Object.entries(TUNNEL_LAYOUTS))('are refused with another length: %s', (_type, layout) => {
    const { number, least, most } = layout;
    const frame = (length: number): Buffer => {
      const header = Buffer.alloc(4 + length, 0x41);
      header.writeUInt8(number, 0);
      header.writeUIntBE(length, 1, 3);
      // An offset that is none too large.
      header.fill(0, 4, Math.min(20, header.length));
      if (number === TUNNEL_LAYOUTS.leave.number) header.fill(0x41, 4);
      return header;
    };
    expect(decodeAll([VERSION, frame(least)]).code).toBeUndefined();
    expect(decodeAll([VERSION, frame(most)]).code).toBeUndefined();
    if (least > 0) expect(decodeAll([VERSION, frame(least - 1)]).code).toBe('malformed');
    expect(decodeAll([VERSION, frame(most + 1)]).code).toBe('malformed');
  });

  it.each([
    ['an unknown type below 0x80', '7f000000'],
    ['an unknown type of the largest length', 'ffffffff'],
    ['an ACK whose limit is over 2^53', '03000010 0000000000000000 0020000000000000'],
    ['a node name with a blank', '30000003 612062'],
    ['a node name with a line end', '30000002 610a'],
  ])('are refused: %s', (_what, hex) => {
    expect(decodeAll([VERSION, Buffer.from(hex.replaceAll(' ', ''), 'hex')]).code).toBe('malformed');
  });

  it('are refused where only DATA and CLOSE are legal', () => {
    for (const golden of goldens) {
      const { code } = decode([VERSION, goldenTunnelBytes(golden)]);
      expect(code).toBe(golden.frame.type === 'close' ? undefined : 'malformed');
    }
  });

  it('are not taken after stop(), not even of the same chunk', () => {
    const seen: string[] = [];
    const decoder = new TunnelFrameDecoder({
      onData: () => seen.push('data'),
      onClose: () => seen.push('close'),
      onFrame: ({ type }) => {
        seen.push(type);
        decoder.stop();
      },
    });
    const probe = goldenTunnelBytes(TUNNEL_GOLDEN.probe);
    decoder.push(Buffer.concat([VERSION, probe, probe, goldenTunnelBytes(GOLDEN_DATA)]));
    expect(seen).toEqual(['probe']);
  });

  it('with a name that is too long are a mistake of ours', () => {
    expect(() => encodeTunnelFrame({ type: 'leave', node: 'n'.repeat(64) })).toThrow(/64 bytes/);
    expect(() => encodeTunnelFrame({ type: 'leave', node: '' })).toThrow(/0 bytes/);
  });
});
