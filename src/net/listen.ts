/** Where a listener is to listen, and what to do where it cannot. */
import { formatAddress } from '../base/address.ts';
import { BeaconError, systemCode } from '../base/errors.ts';

export interface ListenOptions {
  /** IP address or name to listen on; empty: every address of this machine. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

/** `config`. @param flag of the setting that says where, where the text is to name it. */
export function listenError(cause: unknown, { host, port }: ListenOptions, flag?: string): BeaconError {
  const where = host === '' ? `port ${port}` : formatAddress({ host, port });
  const what = `cannot listen on ${where}: ${listenAdvice(systemCode(cause), port)}`;
  return new BeaconError('config', flag === undefined ? what : `${flag}: ${what}`, { cause });
}

function listenAdvice(code: string | undefined, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use; stop the other process or choose another port';
    case 'EACCES':
    case 'EPERM':
      return port < 1_024
        ? 'no permission for a port below 1024; choose a port from 1024 up (such as 8443) or grant CAP_NET_BIND_SERVICE'
        : 'no permission; choose another port';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address; name one of its own, or none to listen on all';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
      return 'the name has no address; name an IP address of this machine, or none to listen on all';
    default:
      return `the system refused (${code ?? 'no reason given'}); choose another address`;
  }
}
