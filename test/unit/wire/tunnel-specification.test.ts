/** TUNNEL.md against the source: numbers, senders, lengths, limits, labels and example bytes. */
import { describe, expect, it } from 'vitest';
import * as limits from '../../../src/base/limits.ts';
import type { TcpEnds } from '../../../src/net/tcp-ends.ts';
import { CLIENT_HEADER, clientHeader, parseClientHeader } from '../../../src/tunnel/client-header.ts';
import { DATA_BYTES, TUNNEL_LAYOUTS, TUNNEL_VERSION } from '../../../src/tunnel/frames.ts';
import { ERROR_HEADER, STREAM_REFUSALS } from '../../../src/tunnel/http2.ts';
import { EXPORTED_KEY_BYTES, EXPORTER_LABEL, ROLE_LABELS } from '../../../src/tunnel/session/attach.ts';
import { GOLDEN_DATA, goldenTunnelBytes, TUNNEL_GOLDEN } from '../../support/golden-tunnel-frames.ts';
import { Specification } from '../../support/specification.ts';

const tunnel = new Specification('TUNNEL.md');
const frames = Object.entries(TUNNEL_LAYOUTS).map(([type, layout]) => ({
  name: type.toUpperCase(),
  hex: `0x${layout.number.toString(16).padStart(2, '0')}`,
  ...layout,
}));
const GOLDEN: Readonly<Record<string, Buffer>> = Object.fromEntries(
  [...Object.entries(TUNNEL_GOLDEN), ['data', GOLDEN_DATA] as const].map(([type, golden]) => [
    type.toUpperCase(),
    goldenTunnelBytes(golden),
  ]),
);

/** The fewest and the most bytes of fields in this notation. */
function bounds(notations: readonly string[]): readonly [number, number] {
  return notations.reduce<readonly [number, number]>(
    ([least, most], notation) => {
      const [, min, max] = /^raw\[(\d+)(?:\.\.(\d+))?\]$/.exec(notation) ?? ['', '8'];
      if (!notation.startsWith('raw')) expect(notation).toBe('u64');
      return [least + Number(min), most + Number(max ?? min)];
    },
    [0, 0],
  );
}

describe('TUNNEL.md', () => {
  it('lists every frame with its number, and no other', () => {
    const rows = tunnel.frameRows();
    expect(rows.map(([number, name]) => [number, name])).toEqual(frames.map(({ hex, name }) => [hex, name]));
    expect(tunnel.frameHeadings()).toEqual(rows.map(([number, name, sender]) => [name, number, sender]));
  });

  it.each(frames)('gives the fields of $name with the length on the wire', ({ name, least, most }) => {
    const fields = tunnel.fieldRows(name);
    expect(fields.length > 0).toBe(most > 0);
    expect(bounds(fields.map(([, notation = '']) => notation))).toEqual([least, most]);
  });

  it.each(frames)('shows the bytes of $name', ({ name }) => {
    // The golden bytes are compared with the codec in frames.test.ts, the MAC in attach.test.ts.
    expect(tunnel.examples(name)).toEqual([{ label: name, digits: GOLDEN[name]?.toString('hex') }]);
  });

  it('lists every refusal of a stream with its status, and names the headers', () => {
    const rows = tunnel.groups(/^\| `(\w+)` \| (\d{3}) \|/gm);
    expect(Object.fromEntries(rows.map(([code, status]) => [code, Number(status)]))).toEqual(STREAM_REFUSALS);
    for (const header of [ERROR_HEADER, CLIENT_HEADER]) expect(tunnel.text).toContain(`\`${header}\``);
    const [[example = ''] = []] = tunnel.groups(/^(\d+\.\d+\.\d+\.\d+ .*)$/gm);
    expect(clientHeader(parseClientHeader(example) as TcpEnds)).toBe(example);
  });

  it('states limits as they are', () => {
    const stated = tunnel.limits();
    expect(stated).toHaveLength(13);
    const named = new Map<string, unknown>(Object.entries(limits));
    for (const [name, value] of stated) expect([name, value]).toEqual([name, named.get(name)]);
    const { SESSION_LEGS, BRIDGE_TUNNELS, TUNNEL_FRAME_BYTES, SESSION_SUSPECT_FACTOR } = limits;
    expect(tunnel.text).toContain(`at most ${SESSION_LEGS} legs (\`SESSION_LEGS\`)`);
    expect(tunnel.text).toContain(`A session has at most ${SESSION_LEGS} legs. A further one`);
    expect(tunnel.text).toContain(`${BRIDGE_TUNNELS.toLocaleString('en')} sessions (\`BRIDGE_TUNNELS\`)`);
    expect(tunnel.text).toContain(`longer than ${TUNNEL_FRAME_BYTES.toLocaleString('en')} bytes`);
    expect(tunnel.text).toContain(`\`raw[0..${DATA_BYTES}]\``);
    expect(tunnel.text).toContain(`for ${SESSION_SUSPECT_FACTOR} round trips`);
  });

  it('states times in its text as they are', () => {
    const text = tunnel.text.replaceAll('\n', ' ');
    const says = (pattern: string, ms: number): void =>
      expect(text).toContain(pattern.replace('#', ms.toLocaleString('en')));
    says('at least # ms and at most', limits.SESSION_SUSPECT_MIN_MS);
    says('and at most # ms, that leg', limits.SESSION_SUSPECT_MAX_MS);
    says('nothing comes for # ms is reset', limits.SESSION_SILENCE_MS);
    says('attaches and each # ms', limits.SESSION_PROBE_MS);
    says('within # ms of a PROBE', limits.SESSION_ECHO_MS);
    says('a session waits # ms', limits.SESSION_DANGLING_MS);
    says('or after # ms: a leg', limits.SESSION_DANGLING_MS + limits.SESSION_SILENCE_MS);
    says('no FIN comes for # ms', limits.LEG_LINGER_MS);
    says('sent after # bytes', limits.SESSION_ACK_BYTES);
    says('or # ms after the first', limits.SESSION_ACK_DELAY_MS);
    says('a window of # MiB', limits.SESSION_WINDOW_BYTES / 1_024 ** 2);
    says('not attached # s after', limits.INNER_HANDSHAKE_TIMEOUT_MS / 1_000);
    says('at random over # ms (`LEAVE_SPREAD_MS`)', limits.LEAVE_SPREAD_MS);
    says('no more than # (`LEAVES_PER_HOST`)', limits.LEAVES_PER_HOST);
    says('at most each # ms (`LEAVE_AGAIN_MS`)', limits.LEAVE_AGAIN_MS);
    says('for # ms (`DRAINING_MEMORY_MS`)', limits.DRAINING_MEMORY_MS);
    says('after # ms (`LET_GO_MS`)', limits.LET_GO_MS);
  });

  it('names the version, the exporter label, the length of the key and the role labels', () => {
    expect(tunnel.text).toContain(`one version byte, ${TUNNEL_VERSION}.`);
    expect(tunnel.text).toContain(`the label \`${EXPORTER_LABEL}\``);
    expect(tunnel.text).toContain(`under a key of ${EXPORTED_KEY_BYTES} bytes`);
    for (const label of Object.values(ROLE_LABELS)) {
      expect(tunnel.text).toContain(`the ${label.length} bytes \`${label}\``);
    }
  });
});
