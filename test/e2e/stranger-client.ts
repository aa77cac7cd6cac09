/** A client of beacon/1 written from PROTOCOL.md alone: nothing of ours is imported, and 60 lines are enough. */
import tls from 'node:tls';

export interface Dial {
  port: number;
  ca: string; // that the relay's certificate chains to, PEM
  chain: string; // leaf, ..., bridge CA, PEM
  key: string;
  infoHash: Buffer;
  instance: Buffer;
}

const frame = (type: number, payload: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(1 + payload.length);
  return Buffer.concat([length, Buffer.of(type), payload]);
};

const hello = (role: number, { infoHash, instance }: Dial, more: number[]): Buffer => {
  const fields = [Buffer.of(1, role, 32), infoHash, Buffer.of(16), instance, Buffer.of(0, ...more)];
  return frame(0x01, Buffer.concat(fields));
};

/** Says whether all bytes after this frame are opaque. */
type OnFrame = (socket: tls.TLSSocket, type: number, payload: Buffer) => boolean;

/** Sends `first`, then reads frames until the switch. */
function start(dial: Dial, first: Buffer, onFrame: OnFrame): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const { port, ca, chain: cert, key } = dial;
    const options = { port, ca, cert, key, ALPNProtocols: ['beacon/1'], allowHalfOpen: true };
    const socket = tls.connect(options);
    let read = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      while (read.length >= 2 && read.length >= 2 + read.readUInt16BE()) {
        const end = 2 + read.readUInt16BE();
        const [type = 0, payload] = [read[2], read.subarray(3, end)];
        read = read.subarray(end);
        if (type === 0x17) return void socket.destroy(new Error(`refused with code ${payload[0]}`));
        if (!onFrame(socket, type, payload)) continue;
        socket.off('data', onData).pause().unshift(read);
        return resolve(socket);
      }
    };
    socket.on('data', onData).once('error', reject);
    socket.once('secureConnect', () => socket.write(first));
  });
}

export const park = (dial: Dial, parked: () => void): Promise<tls.TLSSocket> =>
  start(dial, hello(1, dial, []), (socket, type, payload) => {
    if (type === 0x11) parked();
    if (type === 0x21) socket.write(frame(0x22, payload.subarray(0, 4)));
    if (type === 0x12) socket.write(frame(0x02, payload.subarray(0, 17)));
    return type === 0x12;
  });

export const connect = (dial: Dial, early: Buffer): Promise<tls.TLSSocket> =>
  start(dial, Buffer.concat([hello(2, dial, [0, 0, 0]), early]), (_socket, type) => type === 0x14);
