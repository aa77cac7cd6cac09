/** A TCP proxy in front of a relay, whose connections a test can cut. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const HOST = '127.0.0.1';

export interface LegProxy {
  readonly port: number;
  /** Resets all connections, at both sides, as a middlebox does. */
  cut(): void;
  /** Cuts, and frees the port. */
  close(): Promise<void>;
}

export async function startLegProxy(relayPort: number): Promise<LegProxy> {
  const sockets = new Set<Socket>();
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from
      .on('error', () => to.destroy())
      .once('close', () => {
        sockets.delete(from);
        to.destroy();
      })
      .pipe(to);
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: HOST, port: relayPort, allowHalfOpen: true, noDelay: true });
    join(near, far);
    join(far, near);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    close: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
