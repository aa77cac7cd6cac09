/** `beacon info-hash FILE` */
import { X509Certificate } from 'node:crypto';
import { Command } from 'commander';
import { BeaconError } from '../base/errors.ts';
import { infoHashOfCertificate } from '../pki/info-hash.ts';
import { readLeaf } from './cert-files.ts';
import { addExamples } from './help.ts';

export interface InfoHashDeps {
  /** Prints one line, given without its line feed. Default: stdout. */
  readonly write: (line: string) => void;
}

/** Prints the 64 digits and nothing else. Throws `config` where the file holds no CA certificate. */
export function infoHashCommand(given: Partial<InfoHashDeps> = {}): Command {
  const write = given.write ?? ((line: string) => process.stdout.write(`${line}\n`));
  const command = new Command('info-hash')
    .summary('Print the info_hash of a bridge CA.')
    .description(
      'Print the info_hash of a bridge CA: SHA-256 over its certificate, in 64 hex digits. Both sides must see the same.',
    )
    .argument('<file>', 'Certificate of the bridge CA, in PEM or DER.')
    .helpOption('-h, --help', 'Show this text.')
    .action(async (file: string) => {
      const der = await readLeaf(file, 'info-hash:');
      if (!new X509Certificate(der).ca) {
        throw new BeaconError(
          'config',
          `info-hash: the certificate in ${file} is not a CA; give the bridge CA, bridge-ca.crt`,
        );
      }
      write(infoHashOfCertificate(der));
    });
  addExamples(command, [
    { text: 'For a CA of `beacon certs`:', lines: ['beacon info-hash certs/bridge-ca.crt'] },
  ]);
  return command;
}
