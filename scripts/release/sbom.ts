/** What is in a release: every package at run time, as the lock file has it, and Node itself, as CycloneDX. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../command.ts';
import type { Part } from './part.ts';
import { PACKAGE, VERSION } from './source.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly externalReferences?: readonly { readonly type: string; readonly url: string }[];
}

interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const NODE = {
  'bom-ref': `node@${process.versions.node}`,
  type: 'platform',
  name: 'node',
  version: process.versions.node,
  cpe: `cpe:2.3:a:nodejs:node.js:${process.versions.node}:*:*:*:*:*:*:*`,
  purl: `pkg:generic/node@${process.versions.node}`,
};

export const sbom: Part = async ({ out, seconds }) => {
  const bom: Bom = JSON.parse(npm(['sbom', '--package-lock-only', '--omit=dev', '--sbom-format=cyclonedx']));
  const text = `${JSON.stringify(reproducible(bom, seconds), null, 2)}\n`;
  writeFileSync(join(out, `beacon-${VERSION}.cdx.json`), text);
};

/**
 * npm names the folder that it ran in and a registry, takes the time from the clock and the serial number from chance. Here the
 * time is that of the source, and the serial number follows from all the rest.
 */
function reproducible(bom: Bom, seconds: number): object {
  const { component } = bom.metadata;
  const ref = component['bom-ref'];
  const whole = {
    ...bom,
    serialNumber: '',
    metadata: {
      ...bom.metadata,
      timestamp: new Date(seconds * 1_000).toISOString(),
      component: { ...component, name: PACKAGE, type: 'application' },
    },
    components: [...bom.components.map(withoutRegistry), NODE],
    dependencies: [
      ...bom.dependencies.map((entry) =>
        entry.ref === ref ? { ...entry, dependsOn: [...entry.dependsOn, NODE['bom-ref']] } : entry,
      ),
      { ref: NODE['bom-ref'], dependsOn: [] },
    ],
  };
  return { ...whole, serialNumber: `urn:uuid:${uuidOf(JSON.stringify(whole))}` };
}

function withoutRegistry(component: Component): Component {
  const references = component.externalReferences?.filter(({ type }) => type !== 'distribution');
  return references ? { ...component, externalReferences: references } : component;
}

/** A UUID of version 8 (RFC 9562): one that follows from a text. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
