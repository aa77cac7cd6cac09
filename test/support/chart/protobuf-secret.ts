/**
 * Secrets as Go's client of Kubernetes writes them: protobuf, behind four bytes and an envelope. Only helm's record of a release comes
 * that way, and only what it holds is read. Numbers of fields: k8s.io/apimachinery/pkg/runtime/generated.proto (Unknown),
 * k8s.io/api/core/v1/generated.proto (Secret), k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto (ObjectMeta).
 */
const MAGIC = 'k8s\0';
const UNKNOWN = { raw: 2 };
const SECRET = { metadata: 1, data: 2, type: 3 };
const META = { name: 1, labels: 11 };
const ENTRY = { key: 1, value: 2 };

/** The values of fields with bytes, by their numbers; other fields are left out. */
type Fields = ReadonlyMap<number, readonly Buffer[]>;

export interface ReleaseSecret {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

export function isProtobuf(body: Buffer): boolean {
  return body.subarray(0, MAGIC.length).toString('latin1') === MAGIC;
}

export function decodeSecret(body: Buffer): ReleaseSecret {
  const secret = fieldsOf(one(fieldsOf(body.subarray(MAGIC.length)), UNKNOWN.raw));
  const meta = fieldsOf(one(secret, SECRET.metadata));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: one(meta, META.name).toString(), labels: mapOf(meta, META.labels, 'utf8') },
    type: one(secret, SECRET.type).toString(),
    data: mapOf(secret, SECRET.data, 'base64'),
  };
}

function one(fields: Fields, number: number): Buffer {
  return fields.get(number)?.[0] ?? Buffer.alloc(0);
}

function mapOf(fields: Fields, number: number, encoding: BufferEncoding): Record<string, string> {
  const entries = (fields.get(number) ?? []).map(fieldsOf);
  return Object.fromEntries(
    entries.map((entry) => [one(entry, ENTRY.key).toString(), one(entry, ENTRY.value).toString(encoding)]),
  );
}

/** Fields are varints (0) or bytes with their length (2); Secrets have no others. */
function fieldsOf(message: Buffer): Fields {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const length = varint();
    if (tag % 8 === 0) continue;
    const number = Math.floor(tag / 8);
    fields.set(number, [...(fields.get(number) ?? []), message.subarray(at, at + length)]);
    at += length;
  }
  return fields;
}
