/**
 * Manifests against what the authors of Kubernetes, cert-manager and the Prometheus operator publish of their APIs. As strict as
 * `kubectl --validate=strict`: no unknown field anywhere.
 */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { CHART_TOOLS, type KubernetesVersion } from '../../../scripts/ci/chart-tools.ts';
import type { Manifest } from './helm.ts';

interface Schema {
  type?: unknown;
  format?: string;
  pattern?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  [key: string]: unknown;
}

interface Swagger {
  readonly definitions: Readonly<Record<string, Schema>>;
}

interface KindOf {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface CustomResource {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { openAPIV3Schema: Schema } }[];
  };
}

const KINDS = 'x-kubernetes-group-version-kind';

/** What is wrong with a manifest, a line each. */
export type Validator = (manifest: Manifest) => readonly string[];

/** For every kind of that release of Kubernetes, and for the custom ones that the chart can make. */
export function validatorFor(version: KubernetesVersion): Validator {
  // `format` says how large numbers are, which no manifest of ours comes near.
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const { definitions } = JSON.parse(readFileSync(CHART_TOOLS.swagger[version], 'utf8')) as Swagger;
  ajv.addSchema({ $id: 'kubernetes', definitions: mapValues(definitions, strict) });
  const schemas = new Map<string, object>([...builtIn(definitions), ...custom()]);
  const compiled = new Map<string, ValidateFunction>();
  return (manifest) => {
    const key = `${manifest.apiVersion} ${manifest.kind}`;
    const schema = schemas.get(key);
    if (!schema) return [`Kubernetes ${version} has no ${key}`];
    const validate = compiled.get(key) ?? ajv.compile(schema);
    compiled.set(key, validate);
    if (validate(manifest)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message}: ${JSON.stringify(params)}`,
    );
  };
}

function* builtIn(definitions: Swagger['definitions']): Iterable<[string, object]> {
  for (const [name, definition] of Object.entries(definitions)) {
    const kinds = (definition[KINDS] ?? []) as readonly KindOf[];
    for (const { group, version, kind } of kinds) {
      const apiVersion = group === '' ? version : `${group}/${version}`;
      yield [`${apiVersion} ${kind}`, { $ref: `kubernetes#/definitions/${name}` }];
    }
  }
}

function* custom(): Iterable<[string, object]> {
  for (const file of CHART_TOOLS.crds) {
    const { group, names, versions } = (parse(readFileSync(file, 'utf8')) as CustomResource).spec;
    for (const { name, schema } of versions) {
      const { openAPIV3Schema } = schema;
      const metadata = { $ref: 'kubernetes#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };
      const properties = { ...openAPIV3Schema.properties, metadata };
      yield [`${group}/${name} ${names.kind}`, strict({ ...openAPIV3Schema, properties })];
    }
  }
}

/** The same schema without room for what it does not name. */
function strict(schema: Schema): Schema {
  const { properties, additionalProperties, items, format, pattern } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...schema,
    ...(properties && { properties: mapValues(properties, strict) }),
    ...(properties && additionalProperties === undefined && !isOpen && { additionalProperties: false }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: strict(additionalProperties) }),
    ...(items && { items: strict(items) }),
    // Go's way to say that case does not matter.
    ...(pattern && { pattern: pattern.replace('(?i)(', '(?i:') }),
    ...(isNumberOrString(schema, format) && { type: ['string', 'number'] }),
  };
}

/** Ports by number or name; quantities such as 1 or 500m, which the description of 1.29 calls strings only. */
function isNumberOrString(schema: Schema, format: string | undefined): boolean {
  const isQuantity = /^Quantity is a fixed-point/.test(String(schema['description']));
  return format === 'int-or-string' || schema['x-kubernetes-int-or-string'] === true || isQuantity;
}

function mapValues(object: Readonly<Record<string, Schema>>, map: (value: Schema) => Schema) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}
